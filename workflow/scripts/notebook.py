from pathlib import Path

from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.notebook import execute_notebook

    settings = snakemake.params.settings
    names = ("run", "datasets", "upstream", "ood")
    parameters = {name: settings[name] for name in names}
    parameters["results_dir"] = str(Path(snakemake.output.ipynb).resolve().parents[1])
    execute_notebook(
        snakemake.input.notebook, parameters, snakemake.output.ipynb, snakemake.output.html
    )
