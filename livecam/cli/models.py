"""``livecam models``: the networks by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from livecam.cli._console import console, emit, say, table

if TYPE_CHECKING:
    from livecam.backends.target_layer import Candidate
    from livecam.models import ModelCard


@click.command()
@click.argument("name", required=False)
@click.option("--fetch", metavar="NAME", help="Download its weights now, for a machine without network.")
@click.option("--labels", is_flag=True, help="With NAME: the classes with their indices.")
@click.option("--layers", is_flag=True, help="With NAME: the layers that --layer takes, with the sizes of their maps.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object on stdout.")
def command(name: str | None, fetch: str | None, labels: bool, layers: bool, as_json: bool) -> None:
    """List the models, or show one. Any classifier of timm is a model too, as timm/NAME, any model of open_clip, as
    open_clip/NAME, and your own are, as package.module:factory (code, which is run) or CARD.toml."""
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
    if name and layers:
        _show_layers(get_card(name), as_json)
        return
    cards = [get_card(name)] if name else [models().get(known) for known in models()]
    rows = {card.name: _row(card) for card in cards}
    if as_json:
        emit(rows)
        return
    if name:
        (facts,) = rows.values()
        table(("name", name), [(key, _said(value)) for key, value in facts.items()])
        return
    columns = ("task", "weights", "classes")  # as many as 80 columns have room for
    table(("name", *columns), [(key, *(str(row[column]) for column in columns)) for key, row in rows.items()])
    say(
        "and timm/NAME for any classifier of timm, open_clip/NAME for any model of open_clip (with --like-text), "
        "package.module:factory or CARD.toml for your own"
    )
    say("livecam models NAME says more of one: input size, mean, std, licence, paper")


def _size(one: Candidate) -> str:
    return f"{one.shape[2]}×{one.shape[1]}" + (f", {one.moments} moments" if one.moments > 1 else "")


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _show_layers(card: ModelCard, as_json: bool) -> None:
    """The layers of the architecture; its weights are not needed."""
    from livecam.backends.target_layer import candidate_layers, find_target_layer
    from livecam.errors import TargetLayerError

    # As the explainer gets it: a network over clips, or a detector, takes no pictures as it is in its library.
    module = card.task.wrap(card.build(card.classes)).eval()
    candidates = candidate_layers(module, card.input_size)
    try:
        chosen, _ = find_target_layer(module, card.classes, card.layer, card.input_size)
    except TargetLayerError as error:
        say(f"{card.name}: {error}")
        chosen = None
    if as_json:
        layers = [
            {"name": one.name, "kind": one.kind, "channels": one.shape[0], "map": one.shape[1:], "moments": one.moments}
            for one in candidates
        ]
        emit({"model": card.name, "input_size": card.input_size, "chosen": chosen, "layers": layers})
        return
    rows = [
        (one.name, one.kind, str(one.shape[0]), _size(one), "← chosen" * (one.name == chosen)) for one in candidates
    ]
    table(("layer", "kind", "channels", "map", ""), rows)
    say(f"for an input of {card.input_size}×{card.input_size}; choose another with --layer")


def _row(card: ModelCard) -> dict[str, Any]:
    return {
        "task": card.task.name,
        "weights": "here" if card.at_hand() else "not here",
        "origin": card.origin,
        "input": card.input_size,
        "classes": card.classes,
        "mean": card.mean,
        "std": card.std,
        "licence": card.licence,
        "paper": card.paper,
    }
