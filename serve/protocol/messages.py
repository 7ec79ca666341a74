"""The messages of the events WebSocket as types that parse themselves; their fields are in `realtime.live.messages`."""

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from realtime.live.messages import DecisionMessage, DroppedMessage, HelloMessage, StatusMessage, TrialMessage

EventMessage = Annotated[
    HelloMessage | StatusMessage | TrialMessage | DecisionMessage | DroppedMessage, Field(discriminator="type")
]
EVENT_MESSAGE: TypeAdapter[EventMessage] = TypeAdapter(EventMessage)


def parse_message(text: str | bytes) -> EventMessage | None:
    """The message in a text; None for a type that this version does not know. Raises pydantic's ValidationError."""
    try:
        return EVENT_MESSAGE.validate_json(text)
    except ValidationError as error:
        if error.errors()[0]["type"] == "union_tag_invalid":
            return None
        raise
