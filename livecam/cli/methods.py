"""``livecam methods``: the ways of explaining."""

from __future__ import annotations

from dataclasses import asdict

import click

from livecam.cli._console import emit, table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object on stdout.")
def command(as_json: bool) -> None:
    """List the methods: what each is, costs and comes from."""
    from livecam.methods import methods

    cards = [methods().get(name) for name in methods()]
    if as_json:
        emit({card.name: {k: v for k, v in asdict(card).items() if k not in ("name", "function")} for card in cards})
        return
    table(
        ("name", "method", "cost beside a forward pass", "paper"),
        [(card.name, card.title, card.cost, card.paper) for card in cards],
    )
