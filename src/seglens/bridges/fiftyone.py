"""FiftyOne's own dataset on disk (``fiftyone.types.FiftyOneDataset``), written and read without FiftyOne itself."""
