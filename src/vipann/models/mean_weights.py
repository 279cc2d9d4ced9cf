"""A random network without its chance, for what is computed once of each clip."""

from torch import nn

from vipann.models.bayesian import flipout_layers
from vipann.models.dropout import Dropout
from vipann.models.flipout import posteriors


def without_chance(network: nn.Module) -> None:
    """Give, in place, every Flipout layer the means of its posterior as weights, and switch Monte
    Carlo dropout off. In evaluation mode two forward passes are the same then.

    The posteriors' spreads are lost: sigma = softplus(rho) is 0 where rho is minus infinity.
    """
    for layer in flipout_layers(network):
        for posterior in posteriors(layer):
            posterior.rho.data.fill_(float("-inf"))
    for module in network.modules():
        if isinstance(module, Dropout):
            module.monte_carlo = False
