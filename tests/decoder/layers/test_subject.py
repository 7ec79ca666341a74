import torch

from decoder.layers.subject import SubjectLayer


def test_all_subjects_start_with_the_identity() -> None:
    x = torch.randn(2, 4, 10)
    assert torch.equal(SubjectLayer(3, 4)(x, torch.tensor([0, 2])), x)


def test_each_stream_gets_the_matrix_of_its_subject() -> None:
    layer, x = SubjectLayer(3, 4, identity=False), torch.randn(2, 4, 10)
    both = layer(x, torch.tensor([2, 0]))
    for stream, subject in enumerate((2, 0)):
        torch.testing.assert_close(both[stream], layer(x[stream : stream + 1], subject)[0])
        expected = torch.einsum("ct,cd->dt", x[stream], layer.matrix[subject])
        torch.testing.assert_close(both[stream], expected)
    assert not torch.allclose(layer(x, 0), layer(x, 1))


def test_noise_keeps_the_size_of_the_signal() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 200, 50)
    assert 0.9 < SubjectLayer(1, 200, identity=False)(x).std() < 1.1
