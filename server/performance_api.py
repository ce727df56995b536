"""The performance over HTTP: its values, the table that they obey, taps and hits, and OSC's addresses."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Response

from server.api_models import MidiMapping, OscNode, ParameterInfo
from server.controls import Controls
from server.midi import MidiMap
from server.osc import address_list
from stream.performance import PARAMETERS, Performance

CHANGE = "Some parameters by their names, as `/api/performance/parameters` lists them."
EXAMPLES = [{"alpha": 0.3, "quantise": "beat"}, {"freeze": True}]


def performance_router(controls: Controls) -> APIRouter:
    """What is under /api and steers."""
    router = APIRouter(tags=["performance"])

    @router.get("/performance")
    def get_performance() -> Performance:
        """Every parameter as it is turned."""
        return controls.performance

    @router.patch("/performance")
    def patch_performance(
        change: Annotated[dict[str, Any], Body(description=CHANGE, examples=EXAMPLES)],
    ) -> Performance:
        """Turn some, all or none: what does not fit is said, and nothing is changed."""
        try:
            return controls.change(change)
        except ValueError as error:
            raise HTTPException(422, [{"loc": ["body"], "msg": str(error)}]) from error

    @router.get("/performance/parameters", response_model=list[ParameterInfo])
    def get_parameters() -> list[dict[str, Any]]:
        """What can be turned: name, kind, range or choices, unit, default, meaning."""
        return [{**asdict(parameter), "expected": parameter.expected} for parameter in PARAMETERS.values()]

    @router.post("/tap", status_code=204, response_class=Response, responses={409: {"description": "Nothing listens."}})
    def post_tap() -> None:
        """A beat is now."""
        if not controls.tap():
            raise HTTPException(409, "nothing listens to a beat; serve with --mic")

    @router.post("/hit", status_code=204, response_class=Response)
    def post_hit() -> None:
        """Hit now."""
        controls.hit()

    @router.get("/osc", response_model=OscNode, response_model_exclude_unset=True)
    def get_osc() -> dict[str, Any]:
        """The OSC addresses, as the OSCQuery proposal has them."""
        return address_list(controls)

    @router.get("/midi", response_model=list[MidiMapping], response_model_exclude_unset=True)
    def get_midi() -> list[dict[str, Any]]:
        """What MIDI knobs and pads do."""
        return MidiMap().listing()

    return router
