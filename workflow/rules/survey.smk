# A user's recordings, heard by the networks of all folds. Which recordings there are is asked for
# at each plan; each job scores those of its part that no job has scored yet.

try:
    SURVEYS = survey.survey_models(RUN)
    SURVEY_PARTS = survey.parts_of(RUN) if SURVEYS else []
except UserError as error:
    raise WorkflowError(str(error)) from None
SURVEY_MODEL = survey.SurveyModel(RUN, "{dataset}", "{strategy}", "{phase}")


localrules:
    survey,


rule export_model:
    input:
        checkpoints=lambda w: [one.checkpoint for one in survey_model(w).networks],
        predictions=lambda w: [one.predictions for one in survey_model(w).networks],
        outside=lambda w: survey_model(w).outside,
        features=datasets.features_of(RUN, "{dataset}"),
    output:
        directory(SURVEY_MODEL.folder),
    log:
        log_of(f"models/{SURVEY_MODEL.name}"),
    benchmark:
        benchmark_of(f"models/{SURVEY_MODEL.name}")
    wildcard_constraints:
        phase="pretrained|fixed|finetuned|scratch",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        settings=lambda w: survey_model(w).export_settings,
    message:
        "model of {wildcards.dataset} {wildcards.strategy} {wildcards.phase}"
    script:
        "../scripts/export_model.py"


rule survey_part:
    input:
        model=SURVEY_MODEL.folder,
    output:
        SURVEY_MODEL.part("{part}"),
    log:
        log_of(f"survey/{SURVEY_MODEL.name}/{{part}}"),
    benchmark:
        benchmark_of(f"survey/{SURVEY_MODEL.name}/{{part}}")
    wildcard_constraints:
        phase="pretrained|fixed|finetuned|scratch",
        part="[0-9]+",
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=lambda w: survey_model(w).part_settings(int(w.part)),
    message:
        "survey by {wildcards.dataset} {wildcards.strategy} {wildcards.phase}, part {wildcards.part}"
    script:
        "../scripts/survey_part.py"


# Beside what is named here: raven/, audacity/, and the folder of the review, which a reviewer adds to
# and which no job may delete.
rule survey_results:
    input:
        model=SURVEY_MODEL.folder,
        parts=lambda w: [survey_model(w).part(number) for number in SURVEY_PARTS],
    output:
        **SURVEY_MODEL.results,
    log:
        log_of(f"survey/{SURVEY_MODEL.name}/results"),
    benchmark:
        benchmark_of(f"survey/{SURVEY_MODEL.name}/results")
    wildcard_constraints:
        phase="pretrained|fixed|finetuned|scratch",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=lambda w: survey_model(w).results_settings,
    message:
        "events, counts and review by {wildcards.dataset} {wildcards.strategy} {wildcards.phase}"
    script:
        "../scripts/survey_results.py"


rule survey:
    input:
        [path for model in SURVEYS for path in model.results.values()],
    message:
        "survey: all recordings have been heard; events, counts and a review are in "
        + ", ".join(model.survey for model in SURVEYS)
