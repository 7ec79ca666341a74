"""Headers and contents of XDF files."""


def header(form="float32", n_channels=1, name="s", more=""):
    return (
        f'<?xml version="1.0"?><info><name>{name}</name><type>X</type><channel_count>{n_channels}</channel_count>'
        f"<nominal_srate>0</nominal_srate><channel_format>{form}</channel_format>{more}</info>"
    )
