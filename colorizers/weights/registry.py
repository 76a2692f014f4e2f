"""The registry of weights: what exists, where it is published, and its licence."""

from dataclasses import dataclass

from colorizers.weights.hub import Address, Elsewhere, Hub, HuggingFace, Torchvision
from colorizers.words import Text

DOWNLOAD = "colorizers weights download"
DEPTH = "controlnet/depth"
OWN = "stable_diffusion/own"
SMALL = "stable_diffusion/small"
SMALL_CONTROL = "controlnet/small"


@dataclass(frozen=True)
class Weights:
    """One entry of the registry; `key` is what a method leases.

    Those that are not shipped are published on a `hub`, of so many `megabytes` (10^6 bytes; 0: not known). Tensors
    whose names begin with one of `unused` belong to parts that our network does without. Weights that are a folder
    have its subfolders in `folders`, "" for the folder itself; a file has none. `flag` is the option of the command
    line that named the hub, where that is not the registry's own.
    """

    key: str
    licence: Text | str
    hub: Hub | None = None
    megabytes: int = 0
    unused: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    flag: str = ""

    @property
    def shipped(self) -> bool:
        """Whether they come with this project."""
        return self.hub is None and self.key != OWN

    @property
    def can_be_fetched(self) -> bool:
        """Whether this program can download them."""
        return self.hub is not None and not isinstance(self.hub, Elsewhere)

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def called(self) -> str:
        """What sentences call it: the last part of the key, with the first where that alone says too little."""
        if self.flag and self.hub:
            return self.hub.name
        return self.stem if self.key.startswith(("controlnet/", "safety/")) else self.name

    @property
    def shown(self) -> Text | str:
        """As `called`, or the name of its file, and how large it is."""
        if self.megabytes:
            return Text("weights.sized", name=self.called, megabytes=self.megabytes)
        return self.called if self.hub or self.folders else self.file

    @property
    def shown_to_visitors(self) -> Text | str:
        """As `shown`, without what the owner of a server named."""
        return self.name if self.flag else self.shown

    @property
    def stem(self) -> str:
        """Its name on disk, less a file's suffix."""
        if self.flag and self.hub:
            return f"{self.key.partition('/')[0]}_{self.hub.name.replace('/', '--')}"
        return self.key.replace("/", "_")

    @property
    def file(self) -> str:
        """What is looked for; a file from a hub may have another suffix."""
        return self.stem if self.folders else f"{self.stem}.safetensors"

    @property
    def argument(self) -> str:
        """What `weights download` takes for it."""
        return f"{self.flag} {self.called}".strip()

    @property
    def how_to_get(self) -> Text:
        """What to do when it is not here, as the end of a sentence."""
        if self.hub:
            return Text("weights.download", command=f"{DOWNLOAD} {self.argument}")
        return Text("weights.name-a-model") if self.folders else Text("weights.put-into-folder")


_OURS = Text("licence.ours")
_IMAGENET = Text("licence.imagenet")
_OPENRAIL = Text("licence.openrail")
_ZHANG = Text("licence.zhang")
_DEOLDIFY_PLACE = "https://data.deepai.org/deoldify"
_ZHANG_PLACE = "https://colorizers.s3.us-east-2.amazonaws.com"


def ours(key: str, folders: tuple[str, ...] = ()) -> Weights:
    """The entry of weights that were trained in this project and are shipped with it; `folders` as in `Weights`."""
    return Weights(key, _OURS, folders=folders)


_FILES = (
    Weights("transformer/ddcolor_tiny", "Apache-2.0", HuggingFace("piddnad/ddcolor_paper_tiny"), 220),
    Weights("transformer/ddcolor_large", "Apache-2.0", HuggingFace("piddnad/ddcolor_modelscope"), 912),
    Weights("transformer/ddcolor_artistic", "Apache-2.0", HuggingFace("piddnad/ddcolor_artistic"), 912),
    Weights("cnn/eccv16", _ZHANG, Address(f"{_ZHANG_PLACE}/colorization_release_v2-9b330a0b.pth", 129), 129),
    Weights("cnn/siggraph17", _ZHANG, Address(f"{_ZHANG_PLACE}/siggraph17-df00044c.pth", 137), 137, ("model_class.",)),
    Weights("gan/deoldify_artistic", "MIT", Address(f"{_DEOLDIFY_PLACE}/ColorizeArtistic_gen.pth", 255), 255),
    Weights("gan/deoldify_stable", "MIT", Elsewhere("jantic/DeOldify"), 874),
    Weights("gan/deoldify_video", "MIT", Address(f"{_DEOLDIFY_PLACE}/ColorizeVideo_gen.pth", 874), 874),
    Weights("style/vgg19", _IMAGENET, Torchvision("VGG19_Weights.IMAGENET1K_V1"), 575, ("classifier.",)),
    Weights("style/resnet34", _IMAGENET, Torchvision("ResNet34_Weights.IMAGENET1K_V1"), 87, ("fc.",)),
    Weights("style/swin_b", _IMAGENET, Torchvision("Swin_B_Weights.IMAGENET1K_V1"), 352, ("norm.", "head.")),
    Weights(
        "depth/midas",
        Text("licence.other"),
        HuggingFace("lllyasviel/Annotators", file="dpt_hybrid-midas-501f0c75.pt"),
        493,
    ),
    Weights("lora/lcm", "OpenRAIL++", HuggingFace("latent-consistency/lcm-lora-sdv1-5"), 135),
)

_SD15 = HuggingFace("stable-diffusion-v1-5/stable-diffusion-v1-5")
_MODEL = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
_ALONE = ("",)
# The newest revision has no .safetensors file; this one has it besides.
_DPT = HuggingFace("Intel/dpt-hybrid-midas", revision="refs/pr/5")


def _control(name: str, repository: str, megabytes: int, licence: Text | str = "OpenRAIL") -> Weights:
    return Weights(f"controlnet/{name}", licence, HuggingFace(repository), megabytes, folders=_ALONE)


_FOLDERS = (
    ours(SMALL, _MODEL),
    ours(SMALL_CONTROL, _ALONE),
    Weights("stable_diffusion/sd15", _OPENRAIL, _SD15, 2134, folders=_MODEL),
    Weights("stable_diffusion/sd14", _OPENRAIL, HuggingFace("CompVis/stable-diffusion-v1-4"), 4267, folders=_MODEL),
    Weights(OWN, Text("licence.own"), folders=_MODEL),
    Weights("stable_diffusion/tokenizer", _OPENRAIL, _SD15, 2, folders=("tokenizer",)),
    _control("depth", "lllyasviel/control_v11f1p_sd15_depth", 723),
    _control("brightness", "latentcat/control_v1p_sd15_brightness", 1445, _OPENRAIL),
    _control("lineart", "lllyasviel/control_v11p_sd15_lineart", 723),
    _control("softedge", "lllyasviel/control_v11p_sd15_softedge", 723),
    Weights(
        "depth/depth_anything",
        "Apache-2.0",
        HuggingFace("depth-anything/Depth-Anything-V2-Small-hf"),
        99,
        folders=_ALONE,
    ),
    Weights("depth/dpt", "Apache-2.0", _DPT, 490, folders=_ALONE),
    Weights("safety/checker", _OPENRAIL, _SD15, 608, folders=("safety_checker", "feature_extractor")),
    Weights(
        "caption/blip", "BSD-3-Clause", HuggingFace("Salesforce/blip-image-captioning-large"), 1880, folders=_ALONE
    ),
)
PUBLISHED = {entry.key: entry for entry in (*_FILES, *_FOLDERS)}
"""The weights of others, by key; those of our own networks are added by `colorizers.methods.catalog`."""
