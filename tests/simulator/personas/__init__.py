"""The providers that the simulator can play. A new persona is one new module here and one line in PERSONAS."""
from personas.base import Persona
from personas.immersve import Immersve
from personas.oauth2 import OAuth2
from personas.playfab import PlayFab
from personas.readyplayerme import ReadyPlayerMe
from personas.threekit import Threekit
from personas.webroot import Webroot

PERSONAS: dict[str, type[Persona]] = {persona.name: persona for persona in (
    Webroot, Threekit, ReadyPlayerMe, Immersve, PlayFab, OAuth2)}
