import pytest
import torch

from decoder.networks import build_network
from decoder.networks.multipath import Multipath, wavelet_bank

KNOWN = {"n_channels": 3, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 2}


def network(**options: object) -> Multipath:
    torch.manual_seed(0)
    return build_network("multipath", **KNOWN, **options).eval()


@pytest.mark.parametrize("paths", [("raw",), ("spectral",), ("wavelet",), ("raw", "wavelet")])
def test_paths_stand_side_by_side_and_may_be_left_out(paths: tuple[str, ...]) -> None:
    x, whole, some = torch.randn(2, 3, 128), network(), network(paths=paths)
    features = [module.features(x, module.init_state(2), 0)[0] for module in (whole, some)]
    assert features[1].shape[-1] < features[0].shape[-1]
    assert {key.split(".")[0] for key in some.init_state(1)} == {*paths, "readout"}


def test_each_wavelet_answers_its_own_frequency_most() -> None:
    bank = wavelet_bank(5, 64, 128.0, (4.0, 40.0))
    spectrum = torch.fft.rfft(bank, 1280).abs().square().sum(1)
    centre_hz = torch.logspace(torch.tensor(4.0).log10(), torch.tensor(40.0).log10(), 5)
    assert (spectrum.argmax(-1) / 10 - centre_hz).abs().max() < 1.5


def test_fast_wavelets_look_at_the_newest_samples_only() -> None:
    bank = wavelet_bank(5, 64, 128.0, (4.0, 40.0))
    first = [int(taps.abs().amax(0).nonzero()[0]) for taps in bank]
    assert first == sorted(first)
    assert first[-1] > 48
    assert bank[:, 0, -1].abs().min() > 0


def test_whitening_reaches_the_spectral_path() -> None:
    module, x = network(), torch.randn(1, 3, 128)
    before = module(x)[0]
    module.set_whitening(torch.diag(torch.tensor([3.0, 1.0, 0.1])))
    assert not torch.allclose(module(x)[0], before)
    network(paths=("raw",)).set_whitening(torch.eye(3))  # nothing to whiten


@pytest.mark.parametrize("paths", [(), ("sound",), ("raw", "raw")])
def test_wrong_paths_are_refused(paths: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="needs one or more of raw, spectral, wavelet, each once"):
        network(paths=paths)
