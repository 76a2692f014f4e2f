"""What `evaluate` leaves behind beside the table: a page to look at, a list of photos; and LPIPS and FID by path."""

import hashlib
import html.parser
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
import torchmetrics
import torchvision
from conftest import encoded, engine_with
from evaluation_cases import CARD, FIXED, PHOTOS
from PIL import Image
from run_command import command
from torch import Tensor, nn
from trivial_method import TrivialMethod

from colorizers.errors import ColorizerError
from colorizers.evaluation import perceptual, protocol, report
from colorizers.evaluation.contact_sheet import ContactSheet
from colorizers.evaluation.photo_list import LISTS, committed_list
from colorizers.picture.dataset import Collection, read_collection

CPU = torch.device("cpu")


@pytest.fixture
def clean_album(tmp_path: Path) -> Path:
    """Three colour photographs."""
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("astronaut.jpg", "coffee.jpg", "dog.jpg"):
        shutil.copy(PHOTOS / name, folder)
    return folder


def saved(network: nn.Module, path: Path) -> Path:
    """A file with a network's weights, as torchvision publishes them."""
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture
def squeezenet(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return saved(torchvision.models.squeezenet1_1(weights=None), tmp_path / "squeezenet1_1.pth")


class Page(html.parser.HTMLParser):
    """The links, the pictures and the words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.labels: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.labels.append(data)


class TestThePage:
    def test_shows_the_table_and_the_pictures_side_by_side(self, clean_album: Path, tmp_path: Path, capsys):
        folder, figures = tmp_path / "report", tmp_path / "figures.json"
        words = ("unet", "unet,vividness=1", "--data", clean_album, "--size", 64)
        assert command("evaluate", *words, "--html", folder, "--json", figures) == 0
        page = Page((folder / "index.html").read_text(encoding="utf-8"))
        assert "pictures.csv" in page.links
        assert {path.name for path in folder.iterdir()} == {"index.html", *page.links}, "complete, and nothing else"

        pictures = [Image.open(folder / link) for link in page.links if link.endswith(".jpg")]
        assert len(pictures) == 3 * 4, "input, two methods, truth"
        assert {picture.size for picture in pictures} == {(64, 64)}
        spread = [np.ptp(np.asarray(picture).astype(int), axis=2).mean() for picture in pictures]
        assert max(spread[::4]) < 1, "the inputs are gray"
        assert min(spread[3::4]) > 10, "the truth is not"
        rows = json.loads(figures.read_text())["rows"]
        assert all(name in page.labels and f"{row['de00']:.2f}" in page.labels for name, row in rows.items())

    def test_keeps_to_the_first_photos(self, tmp_path: Path):
        sheet = ContactSheet(tmp_path, [])
        for k in range(32):
            sheet.add(dict.fromkeys(("gray", "truth"), torch.full((3, 16, 16), k / 32)))
        assert len(list(tmp_path.glob("*.jpg"))) == 30 * 2

    def test_shows_hostile_names_as_words(self, tmp_path: Path):
        folder = tmp_path / "album"
        folder.mkdir()
        name = '"><script>alert(1)<script>.png'.replace("/", "")
        (folder / name).write_bytes(encoded(Image.new("RGB", (16, 16), (200, 40, 30))))
        assert command("evaluate", "--data", folder, "--html", tmp_path / "report") == 0
        page = Page((tmp_path / "report" / "index.html").read_text(encoding="utf-8"))
        assert "script" not in page.tags
        assert name in (tmp_path / "report" / "pictures.csv").read_text().replace('""', '"')


class TestTheList:
    def test_is_what_sha256sum_writes(self, clean_album: Path, tmp_path: Path, capsys):
        target = tmp_path / "photos.sha256"
        assert command("evaluate", "--data", clean_album, "--n", 2, "--list", target) == 0
        names = ("astronaut.jpg", "coffee.jpg")
        digests = {name: hashlib.sha256((clean_album / name).read_bytes()).hexdigest() for name in names}
        assert target.read_text() == "".join(f"{digest}  album/{name}\n" for name, digest in digests.items())
        assert hashlib.sha256(target.read_bytes()).hexdigest() == read_collection([clean_album]).first(2).sha256
        assert "CIEDE2000" not in capsys.readouterr().out, "nothing is measured"

    def test_that_is_committed_is_known_by_its_photographs_and_their_order(self):
        counts = {}
        for path in LISTS:
            digests, names = zip(*(line.split("  ", 1) for line in path.read_text().splitlines()), strict=True)
            photos = (torch.zeros(3, 1, 1, dtype=torch.uint8),) * len(names)
            validation = Collection(photos, names, digests)
            assert committed_list(validation) == path.name
            assert committed_list(validation.first(len(names) - 1)) == ""
            counts[path.name] = len(names)
        assert counts == {"validation.sha256": 500, "validation_people.sha256": 200}
        assert committed_list(Collection(photos, names[::-1], digests[::-1])) == ""

    def test_is_not_claimed_for_other_photographs(self, clean_album: Path, capsys):
        assert command("evaluate", "--data", clean_album, "--size", 32) == 0
        assert "exactly" not in capsys.readouterr().out


def lpips_by_hand(features: nn.Sequential, layers: tuple[int, ...], net: str, one: Tensor, other: Tensor) -> float:
    """Zhang et al. (2018), equation 1, with the published linear heads."""
    published = Path(torchmetrics.__file__).parent / "functional" / "image" / "lpips_models" / f"{net}.pth"
    heads = torch.load(published, map_location="cpu")
    shift = torch.tensor([-0.030, -0.088, -0.188])[:, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450])[:, None, None]
    planes = torch.stack([(2 * each - 1 - shift) / scale for each in (one, other)])
    distance, head = 0.0, 0
    for k, layer in enumerate(features):
        planes = layer(planes)
        if k in layers:
            unit = planes / planes.norm(dim=1, keepdim=True).clamp(min=1e-8)
            squared = (unit[0] - unit[1]).pow(2)
            distance += float((heads[f"lin{head}.model.1.weight"][0] * squared).sum(0).mean())
            head += 1
    return distance


class TestLpips:
    @pytest.mark.parametrize(
        ("backbone", "net", "layers"),
        [("squeezenet1_1", "squeeze", (1, 4, 7, 9, 10, 11, 12)), ("alexnet", "alex", (1, 4, 7, 9, 11))],
    )
    @torch.inference_mode()
    def test_is_the_paper_s_on_the_network_that_was_given(
        self, backbone: str, net: str, layers: tuple[int, ...], tmp_path: Path
    ):
        torch.manual_seed(0)
        network = torchvision.models.get_model(backbone, weights=None).eval()
        path = saved(network, tmp_path / "backbone.pth")
        given = perceptual.lpips_network(path, CPU)
        assert given.flavour == f"LPIPS {net}"
        assert given.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        path.unlink()  # AlexNet's is large

        truth, *others = torch.rand(3, 3, 64, 64)
        expected = [lpips_by_hand(network.features, layers, net, other, truth) for other in others]
        measured = perceptual.lpips(given, torch.stack([truth, *others]), truth[None])
        assert measured.tolist() == pytest.approx([0, *expected], rel=1e-3, abs=1e-6)

    def test_has_its_column_and_names_its_network(self, clean_album: Path, squeezenet: Path, tmp_path: Path, capsys):
        target = tmp_path / "figures.json"
        words = ("unet", "--data", clean_album, "--n", 2, "--size", 64, "--lpips", squeezenet)
        assert command("evaluate", *words, "--json", target) == 0
        said, made = capsys.readouterr().out, json.loads(target.read_text())
        rows = made["rows"]
        assert rows["truth"]["lpips"] < 1e-6 < rows["oracle_ab_1/4"]["lpips"] < rows["wrong_image_ab"]["lpips"]
        digest = hashlib.sha256(squeezenet.read_bytes()).hexdigest()
        assert made["networks"].items() >= {"LPIPS squeeze": digest}.items()
        assert f"networks LPIPS squeeze {digest[:12]}" in said
        assert "| SSIM | LPIPS | KID | CF |" in said
        assert "--lpips squeezenet1_1.pth`" in said, "without the folders of this machine"

    def test_needs_squares_that_its_network_can_see(self, clean_album: Path, squeezenet: Path, capsys):
        assert command("evaluate", "--data", clean_album, "--size", 31, "--lpips", squeezenet) == 2
        assert "has a side of 31 pixels and the metrics need 32" in capsys.readouterr().err

    def test_takes_no_other_network(self, tmp_path: Path):
        path = saved(torchvision.models.squeezenet1_0(weights=None), tmp_path / "squeezenet1_0.pth")
        for load in (perceptual.lpips_network, perceptual.inception):
            with pytest.raises(ColorizerError, match=r"^squeezenet1_0\.pth does not fit; give a whole state dict of"):
                load(path, CPU)


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = torchvision.models.inception_v3(weights=None, init_weights=False)
    return saved(network, tmp_path_factory.mktemp("networks") / "inception_v3.pth")


class TestFid:
    @torch.inference_mode()
    def test_stands_on_torchvision_s_inception(self, inception_file: Path):
        given = perceptual.inception(inception_file, CPU)
        assert given.flavour == "FID torchvision Inception-v3, 299 px bilinear"
        network = torchvision.models.inception_v3(weights=None, init_weights=False, transform_input=True)
        network.load_state_dict(torch.load(inception_file))
        network.eval()
        rgb = torch.rand(2, 3, 80, 80)
        features = perceptual.inception_features(given, rgb)
        assert features.shape == (2, 2048)
        large = torch.nn.functional.interpolate(rgb, (299, 299), mode="bilinear")
        assert torch.allclose(network.fc(features), network(large), atol=1e-4)

    def test_loads_files_from_before_batches_were_counted(self, inception_file: Path, tmp_path: Path):
        state = torch.load(inception_file)
        old = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
        assert len(old) < len(state)
        torch.save(old, tmp_path / "old.pth")
        assert perceptual.inception(tmp_path / "old.pth", CPU).flavour.startswith("FID")

    def test_is_the_distance_between_two_clouds(self):
        random = np.random.default_rng(0)
        truth, near = random.normal(size=(2, 400, 6))
        far = 2 * near + 1
        by_hand = []
        for cloud in (truth, near, far):
            one, other = np.cov(truth.T), np.cov(cloud.T)
            root = scipy.linalg.sqrtm(one @ other).real
            by_hand.append(np.sum((truth.mean(0) - cloud.mean(0)) ** 2) + np.trace(one + other - 2 * root))
        measured = perceptual.fid([torch.from_numpy(cloud) for cloud in (truth, near, far)], torch.from_numpy(truth))
        assert measured == pytest.approx(by_hand, abs=1e-6)
        assert measured[1] < measured[2] / 10

    def test_has_its_column(self, clean_album: Path):
        torch.manual_seed(0)
        small = nn.Sequential(nn.Conv2d(3, 8, 9, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
        networks = perceptual.Networks(fid=perceptual.GivenNetwork("FID of a small network", "", small))
        asked = {"tint": protocol.MethodRow("trivial", {"seed": 0})}
        made = protocol.evaluate(engine_with(TrivialMethod()), asked, read_collection([clean_album]), 64, networks)
        distances = {row: values["fid"] for row, values in made.means.items() if "fid" in values}
        assert list(distances) == [*FIXED[1:], "tint"], "the truth has none to itself"
        assert distances["oracle_ab_1/4"] < distances["gt_half_chroma"] < distances["gray"]
        assert "fid" not in made.pictures[0]["gray"], "it is of the set"

    def test_of_too_few_photos_is_refused(self, clean_album: Path, inception_file: Path, capsys):
        assert command("evaluate", "--data", clean_album, "--fid", inception_file) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err == (
            "FID needs at least 2048 photographs and there are 3; give more, or add --force, or leave out --fid.\n"
        )
        assert command("evaluate", "--data", clean_album, "--n", 1, "--fid", inception_file, "--force") == 2
        assert capsys.readouterr().err == "FID needs at least 2 photographs and there are 1; give more.\n"


class TestCards:
    def test_only_the_named_block_is_written(self, tmp_path: Path):
        card = tmp_path / "card.md"
        card.write_text(CARD)
        for text in ("| a |\n", r"\1 \g<0> ünï" + "\n", ""):
            report.write_block(card, "figures", text)
            assert card.read_text(encoding="utf-8") == CARD.replace("old\n", text)

    def test_a_block_that_is_not_there_is_refused(self, tmp_path: Path):
        card = tmp_path / "card.md"
        card.write_text(CARD)
        with pytest.raises(ColorizerError, match=r"has no block 'fig\.res'"):
            report.write_block(card, "fig.res", "new")
        assert card.read_text() == CARD

    def test_a_value_stays_in_its_cell(self):
        assert report.table({"command": "a | b\nc"}) == "| | |\n|---|---|\n| command | a \\| b c |\n"
