"""Run by FiftyOne's own Python: reads a dataset with FiftyOne alone, and lets it write the dataset anew.

python fiftyone_reader.py FOLDER OUT      OUT/read.npz: each (H, W) mask by id, -1 = unlabelled; OUT/again: the dataset
"""

from __future__ import annotations

import sys

import numpy as np


def main(folder, out):
    import fiftyone as fo

    dataset = fo.Dataset.from_dir(folder, dataset_type=fo.types.FiftyOneDataset)
    names = [dataset.default_mask_targets[value] for value in sorted(dataset.default_mask_targets)]
    found = {}
    for sample in dataset:
        sample.compute_metadata()
        mask = sample.segmentation.get_mask()
        assert mask.shape == (sample.metadata.height, sample.metadata.width)
        found[sample.seglens_id.replace("/", "\\")] = mask.astype(int) - 1
    np.savez(f"{out}/read.npz", __names__=np.array(names), **found)
    dataset.export(f"{out}/again", dataset_type=fo.types.FiftyOneDataset, export_media=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
