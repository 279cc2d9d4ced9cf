"""What a run will cost before it runs: hours and bytes per stage, from measured throughput."""
