from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.notebook import execute_notebook

    execute_notebook(
        snakemake.input.notebook,
        snakemake.params.settings["parameters"],
        snakemake.output.ipynb,
        snakemake.output.html,
    )
