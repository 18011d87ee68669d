"""SAM 2 from a folder: a tiny random one goes the whole way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browsing import Desk, nearby, stored, stored_mask, until
from playwright.sync_api import BrowserContext
from served import make_run, page

from seglens.data import open_data
from seglens.functional.run_lengths import decode
from seglens.loop import load_config
from seglens.types import SeglensError
from seglens.web.sam import Sam


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model with few channels, saved as transformers saves one."""
    transformers = pytest.importorskip("transformers")
    import torch

    torch.manual_seed(0)
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 12,
        "num_attention_heads": 1,
        "image_size": [128, 128],
        "blocks_per_stage": [1, 2, 2, 1],
        "embed_dim_per_stage": [12, 24, 48, 96],
        "num_attention_heads_per_stage": [1, 2, 4, 8],
        "global_attention_blocks": [4],
        "window_size_per_stage": [8, 4, 4, 4],
        "window_positional_embedding_background_size": [7, 7],
    }
    vision = {
        "backbone_config": backbone,
        "backbone_channel_list": [96, 48, 24, 12],
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        "fpn_hidden_size": 32,
    }
    prompt = {"hidden_size": 32, "image_size": 128, "mask_input_channels": 4}
    decoder = {"hidden_size": 32, "mlp_dim": 32, "num_attention_heads": 4, "iou_head_hidden_dim": 32}
    config = transformers.Sam2Config(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    made = tmp_path_factory.mktemp("sam2")
    transformers.Sam2Model(config).save_pretrained(made)
    processor = transformers.Sam2Processor(
        transformers.Sam2ImageProcessor(size={"height": 128, "width": 128}, mask_size={"height": 32, "width": 32}),
        target_size=128,
    )
    processor.save_pretrained(made)
    return made


def test_a_model_from_disk_answers_points_and_boxes(folder: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path, "dense")
    with page(run, sam=folder) as client:
        assert client.get("/api/run").json()["cut_out"] == ["walker", "sam2"]
        question = client.post("/api/claim", json={}).json()
        found = []
        for more in ({"inside": [[10, 20]]}, {"inside": [[40, 60]], "outside": [[2, 2]]}, {"box": [8, 8, 50, 70]}):
            body = {"image": question["image"], "by": "sam2", **more}
            response = client.post("/api/cut-out", json=body)
            assert response.status_code == 200, response.text
            found.append(decode(np.array(response.json()["runs"], np.int32).reshape(-1, 2), (64, 96)))
        again = client.post("/api/cut-out", json={"image": question["image"], "by": "sam2", "inside": [[10, 20]]})
        np.testing.assert_array_equal(decode(np.array(again.json()["runs"]).reshape(-1, 2), (64, 96)), found[0])
    assert any(0 < mask.sum() < mask.size for mask in found)
    assert not np.array_equal(found[0], found[2])


def test_chosen_in_the_browser_and_clicked(folder: Path, tmp_path: Path, context: BrowserContext) -> None:
    run = make_run(tmp_path, "dense")
    with nearby(run, sam=folder) as url:
        desk = Desk(context, url)
        question, region = desk.asked(), desk.region()
        desk.key("c")
        desk.press("cut-out-sam2")
        desk.press("class-3")
        model, image = Sam(folder), open_data(load_config(run).data).image(question["image"])
        top, left, bottom, right = question["region"]["box"]
        spots = [(y, x) for y in range(top + 3, bottom, 7) for x in range(left + 3, right, 7)]
        found = {spot: model.mask("image", image, [spot], [], None) & region for spot in spots}
        place, expected = next((spot, mask) for spot, mask in found.items() if mask.any())
        desk.click(place)
        until(lambda: (desk.mask() != 255).any(), 60, "the model's mask")
        np.testing.assert_array_equal(desk.mask(), np.where(expected, 3, 255))
        desk.press("submit")
        desk.asked(question["id"])
        np.testing.assert_array_equal(stored_mask(stored(run)[question["id"]]), np.where(expected, 3, 255))
        assert desk.errors == []


def test_the_mask_is_the_models_own(folder: Path) -> None:
    """Beside the processor and model called as transformers' documentation has it."""
    import torch
    from transformers import Sam2Model, Sam2Processor

    image = np.random.default_rng(0).integers(0, 256, (60, 100, 3), np.uint8)
    ours = Sam(folder).mask("a", image, [(30, 50)], [(5, 5)], None)
    model, processor = Sam2Model.from_pretrained(folder).eval(), Sam2Processor.from_pretrained(folder)
    inputs = processor(images=image, input_points=[[[[50, 30], [5, 5]]]], input_labels=[[[1, 0]]], return_tensors="pt")
    with torch.no_grad():
        said = model(**inputs)
    masks = processor.post_process_masks(said.pred_masks, inputs["original_sizes"])[0]
    np.testing.assert_array_equal(ours, masks[0, said.iou_scores[0, 0].argmax()].numpy())


def test_without_a_model_the_reason_is_said(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match="saved Sam2Model"):
        Sam(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SeglensError, match="--sam"):
        Sam(tmp_path)
    run = make_run(tmp_path / "x")
    with page(run) as client:
        image = client.post("/api/claim", json={}).json()["image"]
        refused = client.post("/api/cut-out", json={"image": image, "by": "sam2", "inside": [[1, 1]]})
        assert (refused.status_code, "--sam FOLDER" in refused.json()["error"]) == (422, True)
        walked = client.post("/api/cut-out", json={"image": image, "inside": [[20, 20]]}).json()["runs"]
        assert decode(np.array(walked), (64, 96))[20, 20]
        for body in ({"inside": [[64, 0]]}, {"inside": []}, {"box": [0, 0, 65, 5]}, {"box": [5, 5, 5, 9]}):
            assert client.post("/api/cut-out", json={"image": image, **body}).status_code == 422
