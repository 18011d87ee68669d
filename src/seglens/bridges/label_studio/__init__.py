"""Label Studio: a run's questions become tasks of a project there, and what people say comes back as answers."""

from seglens.bridges.label_studio.client import LabelStudio
from seglens.bridges.label_studio.pull import Pulled, pull
from seglens.bridges.label_studio.push import Place, Pushed, push
from seglens.bridges.label_studio.tasks import Shown

__all__ = ["LabelStudio", "Place", "Pulled", "Pushed", "Shown", "pull", "push"]
