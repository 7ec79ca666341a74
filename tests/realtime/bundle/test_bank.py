"""The bank searches label vectors by direction and keeps the length of the embedding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from realtime.bundle.bank import Bank
from realtime.errors import BadInput

VECTORS = np.random.default_rng(0).normal(size=(20, 8)) * np.arange(1, 21)[:, None]
NAMES = tuple(f"label {i}" for i in range(20))


def test_every_vector_finds_its_own_name_at_any_length():
    bank = Bank(NAMES, VECTORS)
    inner, cosine = bank.scores(VECTORS.astype(np.float32))
    assert (inner.argmax(axis=1) == np.arange(20)).all()
    np.testing.assert_allclose(np.diag(cosine), 1.0, atol=1e-6)


@given(arrays(np.float32, 8, elements=st.floats(-1000, 1000, width=32)), st.floats(0.01, 100))
def test_cosine_lies_in_range_and_inner_products_grow_with_the_length(embedding, factor):
    bank = Bank(NAMES, VECTORS)
    inner, cosine = bank.scores(embedding)
    assert (np.abs(cosine) <= 1 + 1e-5).all()
    longer, same = bank.scores(np.float32(factor) * embedding)
    np.testing.assert_allclose(longer, factor * inner, rtol=1e-3, atol=1e-3 * (1 + np.abs(longer).max()))
    assert np.isfinite(same).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_saved_is_what_is_read(tmp_path, order):
    bank = Bank((*NAMES[:-1], "Käse 🧀"), np.asarray(VECTORS, order=order))
    bank.save(tmp_path)
    read = Bank.load(tmp_path)
    assert read.names == bank.names
    np.testing.assert_allclose(read.vectors, bank.vectors, rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_vector_without_a_direction_is_named(value):
    vectors = VECTORS.copy()
    vectors[7] = value
    with pytest.raises(BadInput, match="'label 7' is zero or not finite"):
        Bank(NAMES, vectors)


def test_names_and_vectors_must_be_as_many():
    with pytest.raises(BadInput, match="19 names need as many vectors"):
        Bank(NAMES[1:], VECTORS)
