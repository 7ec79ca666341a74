import numpy as np
import pytest

from realtime.errors import BadInput
from training.data.readers.things_pictures import concept_of_picture, read_eeg2_pictures, stem_of

# Concepts that two numberings of THINGS place differently: a join by number is silently wrong for them.
TRAPS = (
    "camera1 camera2 camera_lens chicken1 chicken2 chicken_wire crystal1 crystal2 crystal_ball hot-air_balloon "
    "hot-water_bottle hot_chocolate hot_tub ice-cream_cone ice_cream ice_cube ice_pack pepper1 pepper2 pepper_mill"
).split()


def test_the_real_metadata_gives_every_picture_in_the_order_of_its_code(shared):
    pictures = read_eeg2_pictures(shared / "things_eeg2_meta")
    assert (len(pictures.training), len(pictures.test)) == (16540, 200)
    assert pictures.training[0] == "aardvark_01b"
    assert pictures.test[0] == "aircraft_carrier_06s"
    assert len({concept_of_picture(name) for name in pictures.training}) == 1654


def test_concepts_are_joined_by_name_where_numberings_differ(shared):
    pictures = read_eeg2_pictures(shared / "things_eeg2_meta")
    concepts = {concept_of_picture(name) for name in pictures.training + pictures.test}
    assert set(TRAPS) <= concepts


def test_a_path_with_backslashes_names_its_picture():
    assert stem_of(r"stimuli\carousel\carousel_11s.jpg") == "carousel_11s"
    assert stem_of("images/ice-cream_cone/ice-cream_cone_03s.jpg") == "ice-cream_cone_03s"


def test_missing_metadata_names_the_file_and_where_to_get_it(tmp_path):
    with pytest.raises(BadInput, match="image_metadata.npy is missing, but it says which picture.*OSF y63gw"):
        read_eeg2_pictures(tmp_path)


def test_lists_in_two_orders_are_refused(tmp_path, shared):
    found = np.load(shared / "things_eeg2_meta" / "image_metadata.npy", allow_pickle=True).item()
    found["train_img_concepts"] = found["train_img_concepts"][10:] + found["train_img_concepts"][:10]
    np.save(tmp_path / "image_metadata.npy", found)
    with pytest.raises(BadInput, match="train_img_files has 'aardvark_01b.jpg' at row 0, but .* '00002_abacus'"):
        read_eeg2_pictures(tmp_path)


def test_picture_folders_stand_in_for_the_metadata(tmp_path):
    (tmp_path / "training_images" / "00001_aardvark").mkdir(parents=True)
    (tmp_path / "training_images" / "00001_aardvark" / "aardvark_01b.jpg").touch()
    with pytest.raises(BadInput, match="holds 1 training and 0 test pictures, but 16540 and 200 are needed"):
        read_eeg2_pictures(tmp_path)
