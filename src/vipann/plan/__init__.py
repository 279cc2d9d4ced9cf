"""What a config asks for: the networks, inputs and settings of every job, as plain functions.

The rule files call them and hold nothing else. Neither torch nor Snakemake is imported here.
"""
