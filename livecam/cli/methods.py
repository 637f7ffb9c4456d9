"""``livecam methods``: the ways of explaining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from livecam.cli._console import emit, table

if TYPE_CHECKING:
    from livecam.methods import MethodCard


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object on stdout.")
def command(as_json: bool) -> None:
    """List the methods: what each is, needs, costs and comes from."""
    from livecam.methods import methods

    cards = [methods().get(name) for name in methods()]
    if as_json:
        emit({card.name: _facts(card) for card in cards})
        return
    table(
        ("name", "method", "needs", "cost beside a forward pass", "paper", "up to a factor the same as"),
        [
            (card.name, card.title, ", ".join(sorted(card.needs)), _cost(card), card.paper, card.same_as)
            for card in cards
        ],
    )


def _cost(card: MethodCard) -> str:
    return card.cost if card.budget is None else f"{card.cost}; budget {card.budget}"


def _facts(card: MethodCard) -> dict[str, Any]:
    return {
        "title": card.title,
        "needs": sorted(card.needs),
        "cost": card.cost,
        "budget": card.budget,
        "of_class": card.of_class,
        "paper": card.paper,
        "same_as": card.same_as,
    }
