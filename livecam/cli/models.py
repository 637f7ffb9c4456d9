"""``livecam models``: the networks by name."""

from __future__ import annotations

from typing import Any

import click

from livecam.cli._console import console, emit, say, table


@click.command()
@click.argument("name", required=False)
@click.option("--fetch", metavar="NAME", help="Download its weights now, for a machine without network.")
@click.option("--labels", is_flag=True, help="With NAME: the classes with their indices.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object on stdout.")
def command(name: str | None, fetch: str | None, labels: bool, as_json: bool) -> None:
    """List the models, or show one. Any classifier of timm is a model too, as timm/NAME."""
    console()
    from livecam.models import get_card, load_model, models

    if fetch:
        load_model(fetch)
        say(f"{fetch}: its weights are on this machine")
        return
    if name and labels:
        card = get_card(name)
        names = card.labels(card.classes)
        if as_json:
            emit({str(index): label for index, label in enumerate(names)})
        else:
            table(("index", "class"), [(str(index), label) for index, label in enumerate(names)])
        return
    cards = [get_card(name)] if name else [models().get(known) for known in models()]
    rows = {card.name: _row(card) for card in cards}
    if as_json:
        emit(rows)
        return
    columns = ("weights", "origin", "input", "classes", "licence", "paper")
    table(("name", *columns), [(key, *(str(row[column]) for column in columns)) for key, row in rows.items()])
    if not name:
        say("and timm/NAME for any classifier of timm")


def _row(card: Any) -> dict[str, Any]:
    return {
        "weights": "here" if card.at_hand() else "not here",
        "origin": card.origin,
        "input": card.input_size,
        "classes": card.classes,
        "mean": card.mean,
        "std": card.std,
        "licence": card.licence,
        "paper": card.paper,
    }
