"""The command line `vipann`: trained networks on recordings, without Snakemake.

Each command is a module with `DESCRIPTION`, `EXAMPLES`, `arguments(parser)` and `run(options)`.
What takes long to import is imported in `run`, so that `--help` comes at once.
"""
