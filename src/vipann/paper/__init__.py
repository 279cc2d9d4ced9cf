"""What the paper prints (Fischer, Orescanin and Eckstrand, VI-PANN, 2024)."""
