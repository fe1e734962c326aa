"""Conversational assistants with their dialogs and nodes [names from the ERD; endpoint U]."""

from __future__ import annotations

from typing import get_args

from ..clock import DAY
from ..kind import Draw, Drawn, Json, Kind
from ..switches import AssistantsPath
from .words import SENTENCES

ASSISTANT_PATHS: tuple[str, ...] = get_args(AssistantsPath)
NAMES = ("Polly Putthekettle", "Parcel Finder", "Returns Robot", "Night Porter")
NODES = ("start", "message", "question", "condition", "transfer", "end")


def draw_assistant(d: Draw) -> Drawn:
    """An assistant; the last one is a draft without dialogs."""
    dialogs = [_dialog(d, n) for n in range(1 + d.dice[0] % 3)]
    draft = d.i == len(NAMES) - 1
    attributes: Json = {
        "name": NAMES[d.i],
        "description": SENTENCES[d.dice[1] % 8],
        "channel": ("chat", "sms", "email")[d.i % 3],
        "status": "draft" if draft else "published",
        "type": ("visual_editor", "template")[d.i % 2],
        "version": 1 + d.dice[2] % 9,
        "dialogs": [] if draft else dialogs,
    }
    if not draft:
        attributes |= {
            "avatarUrl": f"https://img.example.com/assistant-{d.i}.png",
            "publicId": f"bot-{d.id[-6:]}",
            "publicName": NAMES[d.i].split()[0],
            "start": dialogs[0]["id"],
        }
    if d.i % 2:
        attributes["template"] = "order-status"
    user = d.base.relation("user", d.dice[3] % d.base.count("user"))
    return Drawn(attributes, {"createdBy": user, "modifiedBy": user})


def _dialog(d: Draw, n: int) -> Json:
    """Node ids are unique within their dialog only, so their table needs all three ids."""
    nodes = [
        {"id": f"node-{at}", "type": NODES[(at + d.dice[4 + n]) % len(NODES)]}
        for at in range(2 + d.dice[7 + n] % 3)
    ]
    return {"id": f"{d.id[:8]}d{n}{d.id[10:]}", "name": f"Dialog {n + 1}", "nodes": nodes}


ASSISTANTS = (
    Kind(
        "assistant",
        29,
        lambda _s: len(NAMES),
        draw_assistant,
        home=ASSISTANT_PATHS[0],
        lead_ms=200 * DAY,
    ),
)
