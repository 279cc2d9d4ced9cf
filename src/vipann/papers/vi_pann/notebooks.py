"""The notebooks that set what the paper says beside what a run found: `vipann.plan.report`."""

# Needed tables and figures that a run does not make are left out.
NOTEBOOKS = {
    "pretraining": {
        "caption": """
How well do the networks pretrained on {{ upstream }} tag, and does their uncertainty know where
they err? (Section 4.2, Table 3, Figure 1)""",
        "needs": {
            "results": [
                "metrics/{upstream}.retention.parquet",
                "tables/table3.csv",
                "tables/table3.md",
                "figures/retention_{upstream}.png",
                "figures/reliability_{upstream}.png",
            ]
        },
        "parameters": ["upstream"],
    },
    "transfer": {
        "of": "transfer",
        "caption": """
What does transfer bring on {{ dataset }}, and is the uncertainty of use there? (Section 4.3,
Tables 4 and 5, Figures 3, 4, 6, 7, 9 and 10)""",
        "needs": {
            "results": [
                "metrics/{dataset}.metrics.parquet",
                "metrics/{dataset}.retention.parquet",
                "figures/phases_{dataset}.png",
                "figures/retention_{dataset}.png",
                "figures/reliability_{dataset}.png",
                "figures/confusion_{dataset}.png",
            ]
        },
        "parameters": ["dataset"],
    },
    "out_of_distribution": {
        "only_with": ["ood"],
        "caption": """
Are the networks less certain about {{ ood }}, which they were never taught? (Sections 4.2 and
4.3, Figures 2, 5, 8 and 11)""",
        "needs": {
            "results": [
                "metrics/{tested}.metrics.parquet",
                "metrics/{tested}.uncertainty.parquet",
                "tables/shortcuts.csv",
                "figures/boxplot_{tested}.png",
            ]
        },
        "parameters": ["datasets", "upstream", "ood"],
    },
    "claims": {
        "caption": """
Which of the paper's statements hold in this run, which do not, and which cannot be judged from
it?""",
        "needs": {"results": ["tables/claims.csv"]},
        "parameters": [],
    },
}
