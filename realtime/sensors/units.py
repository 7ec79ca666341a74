"""Units of channels, as headers and files spell them, and the factors to ours.

Ours are microvolts, femtotesla for magnetometers and femtotesla per centimetre for gradiometers, so that EEG and MEG
are numbers of one size.
"""

# Power of ten from the base unit (V, T, T/m) to ours, by the type of the channel.
_VOLTAGE_TYPES = ("", "eeg", "seeg", "ecog", "dbs", "eog", "emg", "ecg", "bio")
_POWER_OF_TYPE = dict.fromkeys(_VOLTAGE_TYPES, 6) | {"mag": 15, "grad": 13}
_PREFIX = {"": 0, "m": -3, "milli": -3, "u": -6, "micro": -6, "n": -9, "nano": -9, "p": -12, "f": -15}
_BASE = {"v": 6, "volt": 6, "volts": 6, "t": 15, "tesla": 15, "t/m": 13, "t/cm": 15}
_POWER_OF_UNIT = {prefix + base: power + p for prefix, p in _PREFIX.items() for base, power in _BASE.items()}
_UNITLESS_IN_MNE = {"stim", "misc", "syst", "ias", "exci"}


def unit_factor(unit: str, channel_type: str = "eeg") -> float | None:
    """Factor from the text of a unit to ours, None if the unit is unknown.

    An integer is the power of ten of the base unit of the channel's type, as MNE writes it.
    """
    text = unit.strip().replace("µ", "u").replace("μ", "u").lower()
    if text in _POWER_OF_UNIT:
        return 10.0 ** _POWER_OF_UNIT[text]
    try:
        exponent = int(text)
    except ValueError:
        return None
    power = _POWER_OF_TYPE.get(channel_type)
    return 10.0 ** (exponent + power) if power is not None and -15 <= exponent <= 0 else None


def channel_factor(unit: str, channel_type: str) -> float | None:
    """Factor to ours for a channel whose header declares `unit` and `channel_type`, either of them maybe empty.

    1 where no unit is declared (taken as ours), and for channels that measure neither voltage nor field, such as
    triggers and counters. None if a unit is declared and unknown.
    """
    kind = channel_type.strip().lower()
    factor = unit_factor(unit, kind)
    if factor is None and (not unit.strip() or kind not in _POWER_OF_TYPE):
        return 1.0
    return factor


def si_factor(mne_type: str) -> float:
    """Factor from MNE's SI units to ours, by MNE's type of the channel; 1 where the type has no unit."""
    return 1.0 if mne_type in _UNITLESS_IN_MNE else 10.0 ** _POWER_OF_TYPE.get(mne_type, 6)


def has_unit(mne_type: str) -> bool:
    """Whether channels of this MNE type measure something in a unit."""
    return mne_type not in _UNITLESS_IN_MNE
