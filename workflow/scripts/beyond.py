from vipann.joblog import job_log

with job_log(snakemake.log[0]):
    from vipann.tables.beyond import (
        write_calibration_table,
        write_ood_table,
        write_per_class_table,
    )

    names, out = snakemake.params.settings["paper_names"], snakemake.output
    results = list(snakemake.input.metrics), list(snakemake.input.intervals)
    calibration = out.calibration_csv, out.calibration_md, out.calibration_tex
    write_calibration_table(*results, names, calibration)
    write_ood_table(*results, names, (out.ood_csv, out.ood_md, out.ood_tex))
    write_per_class_table(list(snakemake.input.confusion), out.per_class)
