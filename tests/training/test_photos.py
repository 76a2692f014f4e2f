"""Training photographs: the decoded file, crops, copies for a step, and the order of steps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizers.training.photos import BatchOrder, Photographs, crops, decoded, seeded

CPU = torch.device("cpu")


@pytest.fixture
def photos(tmp_path: Path) -> Photographs:
    """Three photographs of other sizes and labels; in the last one colour says where a pixel is."""
    for label, size, colour in (("sea", (90, 50), (20, 60, 200)), ("dog", (40, 64), (150, 90, 40))):
        (tmp_path / "photos" / label).mkdir(parents=True)
        Image.new("RGB", size, colour).save(tmp_path / "photos" / label / "1.png")
    across, down = np.meshgrid(np.linspace(0, 255, 600), np.linspace(0, 255, 300))
    ramp = np.stack((across, down, np.full_like(down, 128)), axis=-1).astype(np.uint8)
    Image.fromarray(ramp).save(tmp_path / "photos" / "ramp.png")
    return decoded([tmp_path / "photos"], tmp_path / "cache")


class TestPhotographs:
    def test_know_their_labels(self, photos: Photographs):
        assert photos.names == ("photos/dog/1.png", "photos/ramp.png", "photos/sea/1.png")
        assert photos.labels == ("dog", "sea")
        assert photos.label_ids.tolist() == [0, -1, 1]

    def test_that_are_large_are_brought_down(self, photos: Photographs):
        assert [tuple(photos.photo(k).shape) for k in range(3)] == [(3, 64, 40), (3, 256, 512), (3, 50, 90)]

    def test_changed_on_disk_are_decoded_again(self, photos: Photographs, tmp_path: Path):
        Image.new("RGB", (30, 30), (200, 0, 0)).save(tmp_path / "photos" / "sea" / "2.png")
        assert len(decoded([tmp_path / "photos"], tmp_path / "cache")) == 4

    def test_half_written_are_not_taken_for_whole(self, photos: Photographs, tmp_path: Path):
        index = next((tmp_path / "cache").glob("*.json"))
        index.unlink()
        again = decoded([tmp_path / "photos"], tmp_path / "cache")
        assert again.sha256 == photos.sha256
        assert json.loads(index.read_text())["left_out"] == []


class TestCrops:
    def test_show_each_photo_in_its_own_colours(self, photos: Photographs):
        made = crops(photos.take(torch.tensor([0, 2, 0]), CPU), 32, seeded(CPU, 1))
        assert made.shape == (3, 3, 32, 32)
        for crop, colour in zip(made, ((150, 90, 40), (20, 60, 200), (150, 90, 40)), strict=True):
            assert torch.allclose(crop * 255, torch.tensor(colour)[:, None, None].float(), atol=0.01)

    def test_are_60_to_100_percent_of_the_short_side_half_of_them_mirrored(self, photos: Photographs):
        made = crops(photos.take(torch.full((400,), 1), CPU), 32, seeded(CPU, 2))
        red, green = made[:, 0], made[:, 1]
        across = (red[:, 0, -1] - red[:, 0, 0]) * 512 * 32 / 31
        down = (green[:, -1, 0] - green[:, 0, 0]) * 256 * 32 / 31
        for side in (across.abs(), down):
            assert side.min() > 0.58 * 256, "and never upside down"
            assert side.max() < 1.02 * 256
        assert 150 < int((across < 0).sum()) < 250
        assert red.max() - red.min() > 0.96, "every part of a photo is seen"

    def test_of_copied_photos_are_those_of_all_photos(self, photos: Photographs):
        indices = torch.tensor([2, 0, 1, 2])
        copied, shared = photos.gathered(indices), photos.take(indices, CPU)
        assert shared.pixels is photos.pixels
        assert len(copied.pixels) == 2 * 90 * 50 + 64 * 40 + 256 * 512, "the photos of the step, and no others"
        assert torch.equal(crops(copied, 32, seeded(CPU, 3)), crops(shared, 32, seeded(CPU, 3)))
        assert torch.equal(copied.label_ids, shared.label_ids)


class TestOrder:
    def test_shows_every_photo_once_in_an_epoch_and_in_a_new_order(self):
        order = BatchOrder(count=10, batch=5, seed=0)
        first, second = ([order.indices(2 * epoch + k) for k in range(2)] for epoch in range(2))
        assert sorted(torch.cat(first).tolist()) == sorted(torch.cat(second).tolist()) == list(range(10))
        assert torch.cat(first).tolist() != torch.cat(second).tolist()

    def test_is_a_function_of_the_step(self):
        late = BatchOrder(count=100, batch=7, seed=3).indices(123)
        assert torch.equal(late, BatchOrder(count=100, batch=7, seed=3).indices(123))
        assert not torch.equal(late, BatchOrder(count=100, batch=7, seed=4).indices(123))

    def test_takes_a_fresh_subset_every_few_epochs(self):
        order = BatchOrder(count=50, batch=5, seed=0, subset=0.4, refresh_every=2)
        assert order.steps_per_epoch == 4
        epochs = [{i for k in range(4) for i in order.indices(4 * epoch + k).tolist()} for epoch in range(4)]
        assert all(len(epoch) == 20 for epoch in epochs)
        assert epochs[0] == epochs[1] != epochs[2] == epochs[3]
