"""What this project uses of other packages that they do not promise to keep: an upgrade that breaks it fails here."""

import ast
import inspect
import io
import subprocess
import sys
import textwrap
import zipfile

import gradio as gr
from gradio import component_meta, routes
from gradio.state_holder import SessionState, StateHolder


def test_huggingface_hub_downloads_from_where_a_file_ends():
    from huggingface_hub.file_download import http_get

    assert {"resume_size", "expected_size", "displayed_filename"} <= inspect.signature(http_get).parameters.keys()


def test_torchmetrics_has_an_lpips_that_loads_no_backbone():
    from torchmetrics.functional.image.lpips import _NoTrainLpips

    assert {"net", "pnet_rand"} <= inspect.signature(_NoTrainLpips.__init__).parameters.keys()


def test_gradio_keeps_the_data_of_an_event_as_it_was_sent():
    assert gr.EventData(None, {"index": "strange"})._data == {"index": "strange"}


def test_python_runs_what_was_registered_for_the_end_when_asked():
    program = "import atexit, os; atexit.register(print, 'done', flush=True); atexit._run_exitfuncs(); os._exit(0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"


def test_gradio_writes_stubs_for_editors_alone():
    building = inspect.getsource(component_meta.ComponentMeta.__new__)
    assert "        create_or_modify_pyi(component_class, name, events)\n        return component_class\n" in building
    assert inspect.getsource(component_meta).count("create_or_modify_pyi(") == 2, "its definition and this call"


def test_gradio_knows_whether_a_page_is_being_built_or_complete():
    with gr.Blocks() as page:
        assert page.exited is False
    assert page.exited is True
    with page.route("Another"):
        assert page.exited is False


def test_gradio_can_start_without_asking_for_its_own_page():
    assert inspect.signature(gr.Blocks.launch).parameters["_frontend"].default is True
    assert inspect.getsource(gr.Blocks.launch).count("_frontend and ") == 1, "it decides nothing else"


def test_gradio_makes_the_settings_of_a_session_in_one_place_and_for_links_alone():
    made = inspect.getsource(SessionState)
    assert made.count("config_for_block(") == made.count("self.blocks_config.config_for_block(") == 4
    assert inspect.getsource(routes).count("].components") == 1, "for links that restore a page"


def test_gradio_asks_the_page_for_inputs_and_the_holder_for_sessions():
    inputs = [*inspect.signature(gr.Blocks.preprocess_data).parameters]
    assert inputs == ["self", "block_fn", "inputs", "state", "explicit_call"]
    holder = StateHolder()
    assert (holder.session_data, holder.time_last_used) == ({}, {})
    assert {"update", "delete_all_expired_state"} <= vars(StateHolder).keys()
    assert hasattr(routes, "DEFAULT_TEMP_DIR")


def test_diffusers_converts_the_names_of_single_files():
    from diffusers.loaders import single_file_utils

    for convert in (single_file_utils.convert_ldm_unet_checkpoint, single_file_utils.convert_ldm_vae_checkpoint):
        assert [*inspect.signature(convert).parameters][:2] == ["checkpoint", "config"]


def test_gradio_tells_who_sent_an_event():
    from gradio.context import LocalContext

    assert {"request", "event_id"} <= vars(LocalContext).keys()
    assert "session_hash" in inspect.signature(gr.Request.__init__).parameters


def test_gradio_looks_for_new_events_every_so_many_seconds():
    assert 0 < gr.Blocks().queue()._queue.sleep_when_free < 0.1


def test_gradio_makes_the_session_of_a_page_of_two_things():
    from gradio.state_holder import SessionState, StateHolder

    used = {
        node.attr
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(SessionState.__init__))))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "blocks"
    }
    assert used == {"default_config", "blocks"}
    assert {"session_data", "set_blocks", "lock"} <= {*vars(StateHolder()), *vars(StateHolder)}


def test_a_zip_says_how_long_its_list_of_entries_is():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", b"")
    assert zipfile._EndRecData(file)[zipfile._ECD_SIZE] == 46 + len("a.png")
