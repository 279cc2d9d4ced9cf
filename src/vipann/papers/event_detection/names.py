"""What a run has to call its variants and ensembles to be found by tables, figures and claims."""

# Chapter 4: the rows of Tables 4.2 and 4.3 -> variants, which are what `model.pooling` is called.
POOLINGS = {
    "Max Pooling": "maximum",
    "Average Pooling": "mean",
    "Linear Softmax": "linear_softmax",
    "Exp. Softmax": "exp_softmax",
    "Attention": "softmax_attention",
}
# Ensembles of the seeds of each pooling, and of all networks.
POOLINGS_SEEDS = {f"{row}, seeds": f"{name}_seeds" for row, name in POOLINGS.items()}
ALL_POOLINGS = "all_poolings"
