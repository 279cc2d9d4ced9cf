# The bill before the run: `snakemake cost`. It reads what the run has left so far, and no file is
# declared as input: asking for a cost must not start the jobs that it is about.


localrules:
    cost,


rule cost:
    output:
        csv=f"{RESULTS}/cost.csv",
        md=f"{RESULTS}/cost.md",
    log:
        log_of("cost"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: settings(
            "cost.py",
            config={k: v for k, v in config.items() if k not in ("figures", "data", "seed")},
            manifests=f"{RESULTS}/manifests",
            benchmarks=f"{RESULTS}/benchmarks",
            found=there(f"{RESULTS}/benchmarks", "**/*.tsv")
            + there(f"{RESULTS}/manifests", "*.parquet")
            + there(f"{RESULTS}/manifests", "*.shared.csv"),
        ),
    message:
        "cost of the run, measured here (about a minute)"
    script:
        "../scripts/cost.py"
