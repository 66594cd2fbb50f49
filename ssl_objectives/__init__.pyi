# Public names: for type checkers, and for `public_names` (ssl_objectives/face.py).

from ssl_objectives.branches import Branches as Branches
from ssl_objectives.check.objective import (
    ObjectiveContractError as ObjectiveContractError,
)
from ssl_objectives.check.objective import check_objective as check_objective
from ssl_objectives.encoders.batch_norm import BatchNorm1d as BatchNorm1d
from ssl_objectives.encoders.batch_norm import BatchNorm2d as BatchNorm2d
from ssl_objectives.encoders.cnn import ImpalaConfig as ImpalaConfig
from ssl_objectives.encoders.cnn import NatureConfig as NatureConfig
from ssl_objectives.encoders.cnn import PatchConfig as PatchConfig
from ssl_objectives.encoders.decoders import DecoderConfig as DecoderConfig
from ssl_objectives.encoders.encoder import BodyConfig as BodyConfig
from ssl_objectives.encoders.encoder import Encoder as Encoder
from ssl_objectives.encoders.encoder import EncoderConfig as EncoderConfig
from ssl_objectives.encoders.heads import HeadConfig as HeadConfig
from ssl_objectives.encoders.heads import Mlp as Mlp
from ssl_objectives.encoders.heads import Straight as Straight
from ssl_objectives.encoders.linear_stack import LinearStack as LinearStack
from ssl_objectives.encoders.modalities import FrameDifference as FrameDifference
from ssl_objectives.encoders.modalities import LumaChroma as LumaChroma
from ssl_objectives.encoders.modalities import ModalitiesConfig as ModalitiesConfig
from ssl_objectives.encoders.modalities import PerModality as PerModality
from ssl_objectives.encoders.modalities import RgbDepth as RgbDepth
from ssl_objectives.encoders.precision import Precision as Precision
from ssl_objectives.encoders.resnet import ResNetConfig as ResNetConfig
from ssl_objectives.encoders.small_cnn import SmallCnnConfig as SmallCnnConfig
from ssl_objectives.encoders.vit import ViTConfig as ViTConfig
from ssl_objectives.images.fashion_mnist.dataset import (
    FashionMnistConfig as FashionMnistConfig,
)
from ssl_objectives.images.fashion_mnist.dataset import (
    fashion_mnist_subset as fashion_mnist_subset,
)
from ssl_objectives.images.orders import OrderConfig as OrderConfig
from ssl_objectives.images.orders import RowOrder as RowOrder
from ssl_objectives.images.orders import ShuffledConfig as ShuffledConfig
from ssl_objectives.images.source import ArrayImages as ArrayImages
from ssl_objectives.images.source import ImagesConfig as ImagesConfig
from ssl_objectives.images.source import ImageSource as ImageSource
from ssl_objectives.images.source import ImageSplit as ImageSplit
from ssl_objectives.learn.optimizer import AdamWConfig as AdamWConfig
from ssl_objectives.learn.optimizer import OptimizerConfig as OptimizerConfig
from ssl_objectives.measure.diagnostics import alignment as alignment
from ssl_objectives.measure.diagnostics import effective_rank as effective_rank
from ssl_objectives.measure.diagnostics import lidar as lidar
from ssl_objectives.measure.diagnostics import (
    participation_ratio as participation_ratio,
)
from ssl_objectives.measure.diagnostics import rankme as rankme
from ssl_objectives.measure.diagnostics import relative_spread as relative_spread
from ssl_objectives.measure.diagnostics import uniformity as uniformity
from ssl_objectives.measure.diagnostics import within_share as within_share
from ssl_objectives.method import Method as Method
from ssl_objectives.methods.bootstrap.byol import Byol as Byol
from ssl_objectives.methods.bootstrap.byol import ByolConfig as ByolConfig
from ssl_objectives.methods.bootstrap.byol import SimSiam as SimSiam
from ssl_objectives.methods.bootstrap.byol import SimSiamConfig as SimSiamConfig
from ssl_objectives.methods.bootstrap.direct_pred import (
    DirectCopyConfig as DirectCopyConfig,
)
from ssl_objectives.methods.bootstrap.direct_pred import DirectPred as DirectPred
from ssl_objectives.methods.bootstrap.direct_pred import (
    DirectPredConfig as DirectPredConfig,
)
from ssl_objectives.methods.bootstrap.msb_reg import MsbRegConfig as MsbRegConfig
from ssl_objectives.methods.bootstrap.msb_reg import Spectral as Spectral
from ssl_objectives.methods.clusters.inter_clr import InterClrConfig as InterClrConfig
from ssl_objectives.methods.clusters.pcl import PclConfig as PclConfig
from ssl_objectives.methods.clusters.pcl import ProtoNce as ProtoNce
from ssl_objectives.methods.clusters.self_label import SelfLabel as SelfLabel
from ssl_objectives.methods.clusters.self_label import (
    SelfLabelConfig as SelfLabelConfig,
)
from ssl_objectives.methods.clusters.swav import Swav as Swav
from ssl_objectives.methods.clusters.swav import SwavConfig as SwavConfig
from ssl_objectives.methods.clusters.twist import Twist as Twist
from ssl_objectives.methods.clusters.twist import TwistConfig as TwistConfig
from ssl_objectives.methods.contrast.bregman import DeepBregman as DeepBregman
from ssl_objectives.methods.contrast.bregman import (
    DeepBregmanConfig as DeepBregmanConfig,
)
from ssl_objectives.methods.contrast.compressive import CByol as CByol
from ssl_objectives.methods.contrast.compressive import CByolConfig as CByolConfig
from ssl_objectives.methods.contrast.compressive import CSimClr as CSimClr
from ssl_objectives.methods.contrast.compressive import CSimClrConfig as CSimClrConfig
from ssl_objectives.methods.contrast.direct_clr import DirectClr as DirectClr
from ssl_objectives.methods.contrast.direct_clr import (
    DirectClrConfig as DirectClrConfig,
)
from ssl_objectives.methods.contrast.hallucinate import Hallucinate as Hallucinate
from ssl_objectives.methods.contrast.hallucinate import (
    HallucinateConfig as HallucinateConfig,
)
from ssl_objectives.methods.contrast.info_nce import Contrast as Contrast
from ssl_objectives.methods.contrast.info_nce import Coupled as Coupled
from ssl_objectives.methods.contrast.info_nce import DclConfig as DclConfig
from ssl_objectives.methods.contrast.info_nce import DclwConfig as DclwConfig
from ssl_objectives.methods.contrast.info_nce import Decoupled as Decoupled
from ssl_objectives.methods.contrast.info_nce import InfoNceConfig as InfoNceConfig
from ssl_objectives.methods.contrast.info_nce import SimClrConfig as SimClrConfig
from ssl_objectives.methods.contrast.info_nce import (
    VonMisesWeighted as VonMisesWeighted,
)
from ssl_objectives.methods.contrast.info_nce import dcl as dcl
from ssl_objectives.methods.contrast.info_nce import dclw as dclw
from ssl_objectives.methods.contrast.info_nce import info_nce as info_nce
from ssl_objectives.methods.contrast.info_nce import sim_clr as sim_clr
from ssl_objectives.methods.contrast.renyi import RenyiCl as RenyiCl
from ssl_objectives.methods.contrast.renyi import RenyiClConfig as RenyiClConfig
from ssl_objectives.methods.dense.local_global import AmdimConfig as AmdimConfig
from ssl_objectives.methods.dense.local_global import (
    DeepInfoMaxConfig as DeepInfoMaxConfig,
)
from ssl_objectives.methods.dense.local_global import LocalGlobal as LocalGlobal
from ssl_objectives.methods.dense.local_global import StDimConfig as StDimConfig
from ssl_objectives.methods.memory.instance import CmcConfig as CmcConfig
from ssl_objectives.methods.memory.instance import InstanceConfig as InstanceConfig
from ssl_objectives.methods.memory.instance import MoCoConfig as MoCoConfig
from ssl_objectives.methods.memory.instance import NceForm as NceForm
from ssl_objectives.methods.memory.instance import SoftmaxForm as SoftmaxForm
from ssl_objectives.methods.memory.label_propagation import (
    LabelPropagation as LabelPropagation,
)
from ssl_objectives.methods.memory.label_propagation import (
    LabelPropagationConfig as LabelPropagationConfig,
)
from ssl_objectives.methods.memory.local_aggregation import (
    LocalAggregationConfig as LocalAggregationConfig,
)
from ssl_objectives.methods.memory.ring import RingConfig as RingConfig
from ssl_objectives.methods.moments.hsic import SslHsic as SslHsic
from ssl_objectives.methods.moments.hsic import SslHsicConfig as SslHsicConfig
from ssl_objectives.methods.moments.sigreg import SigReg as SigReg
from ssl_objectives.methods.moments.sigreg import SigRegConfig as SigRegConfig
from ssl_objectives.methods.moments.vicreg_barlow import BarlowConfig as BarlowConfig
from ssl_objectives.methods.moments.vicreg_barlow import BarlowTwins as BarlowTwins
from ssl_objectives.methods.moments.vicreg_barlow import VicReg as VicReg
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig as VicRegConfig
from ssl_objectives.methods.pretext.aug_self import AugSelf as AugSelf
from ssl_objectives.methods.pretext.aug_self import AugSelfConfig as AugSelfConfig
from ssl_objectives.methods.pretext.autoencoder import Reconstruction as Reconstruction
from ssl_objectives.methods.pretext.autoencoder import (
    ReconstructionConfig as ReconstructionConfig,
)
from ssl_objectives.methods.pretext.rotnet import RotNet as RotNet
from ssl_objectives.methods.pretext.rotnet import RotNetConfig as RotNetConfig
from ssl_objectives.methods.weighted import Weighted as Weighted
from ssl_objectives.objective import Loss as Loss
from ssl_objectives.objective import Needs as Needs
from ssl_objectives.objective import Objective as Objective
from ssl_objectives.objective import ObjectiveConfig as ObjectiveConfig
from ssl_objectives.objective import Sizes as Sizes
from ssl_objectives.objective import TargetKind as TargetKind
from ssl_objectives.objective import Views as Views
from ssl_objectives.refusal import ConfigError as ConfigError
from ssl_objectives.refusal import DatasetError as DatasetError
from ssl_objectives.refusal import Refusal as Refusal
from ssl_objectives.refusal import TrainingDiverged as TrainingDiverged
from ssl_objectives.views.augment.augmentation import augment as augment
from ssl_objectives.views.augment.preset import AugmentConfig as AugmentConfig
from ssl_objectives.views.augment.preset import shifted as shifted
from ssl_objectives.views.augment.preset import unchanged as unchanged
from ssl_objectives.views.maker import Drawn as Drawn
from ssl_objectives.views.maker import FourRotations as FourRotations
from ssl_objectives.views.maker import MultiCrop as MultiCrop
from ssl_objectives.views.maker import OneView as OneView
from ssl_objectives.views.maker import TwoViews as TwoViews
from ssl_objectives.views.maker import UnlikeViews as UnlikeViews
from ssl_objectives.views.maker import ViewMaker as ViewMaker
from ssl_objectives.views.maker import ViewsConfig as ViewsConfig
from ssl_objectives.zoo import FAMILIES as FAMILIES
from ssl_objectives.zoo import ZOO as ZOO
