# Tables, as the files of the run's papers declare them: `vipann.plan.products`.

TABLES = products(RUN, "table")
ALL_TABLES = products(RUN, "table", on_request=True)
COMPLEXITY = f"{RESULTS}/metrics/complexity.csv"


localrules:
    complexity,
    table,
    selection,


rule complexity:
    output:
        counts=COMPLEXITY,
    log:
        log_of("metrics/complexity"),
    conda:
        "../../environment.yml"
    params:
        settings=complexity_settings(RUN),
    message:
        "size of the papers' networks"
    script:
        "../scripts/complexity.py"


rule table:
    input:
        unpack(lambda w: ALL_TABLES[w.table].sources),
    output:
        csv=f"{RESULTS}/tables/{{table}}.csv",
        md=f"{RESULTS}/tables/{{table}}.md",
        tex=f"{RESULTS}/tables/{{table}}.tex",
        # Snakemake's report offers Markdown as a download only; a page it shows.
        html=report(
            f"{RESULTS}/pages/{{table}}.html",
            caption="../report/caption.rst",
            category=lambda w: ALL_TABLES[w.table].category,
            labels=lambda w: {"table": ALL_TABLES[w.table].label},
        ),
    log:
        log_of("tables/{table}"),
    wildcard_constraints:
        table=one_of([stem for stem, one in ALL_TABLES.items() if one.made_by == "table"]),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: ALL_TABLES[w.table].settings,
    message:
        "table {wildcards.table}"
    script:
        "../scripts/table.py"


rule selection:
    input:
        f"{RESULTS}/tables/validation.md",
    message:
        "selection: what settings are chosen by is there"
