# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .branches import Branches as Branches
from .check.objective import (
    ObjectiveContractError as ObjectiveContractError,
)
from .check.objective import check_objective as check_objective
from .encoders.ari_cnn import AriCnnConfig as AriCnnConfig
from .encoders.batch_norm import BatchNorm1d as BatchNorm1d
from .encoders.batch_norm import BatchNorm2d as BatchNorm2d
from .encoders.cnn import ImpalaConfig as ImpalaConfig
from .encoders.cnn import NatureConfig as NatureConfig
from .encoders.cnn import PatchConfig as PatchConfig
from .encoders.decoders import DecoderConfig as DecoderConfig
from .encoders.depths import Depths as Depths
from .encoders.depths import Spot as Spot
from .encoders.encoder import BodyConfig as BodyConfig
from .encoders.encoder import Encoder as Encoder
from .encoders.encoder import EncoderConfig as EncoderConfig
from .encoders.export import as_onnx as as_onnx
from .encoders.export import exported as exported
from .encoders.heads import HeadConfig as HeadConfig
from .encoders.heads import Mlp as Mlp
from .encoders.heads import ResidualMlp as ResidualMlp
from .encoders.heads import Standardized as Standardized
from .encoders.heads import Straight as Straight
from .encoders.linear_stack import LinearStack as LinearStack
from .encoders.menet import MeNetConfig as MeNetConfig
from .encoders.modalities import Change as Change
from .encoders.modalities import FrameDifference as FrameDifference
from .encoders.modalities import LumaChroma as LumaChroma
from .encoders.modalities import ModalitiesConfig as ModalitiesConfig
from .encoders.modalities import PerModality as PerModality
from .encoders.modalities import RgbDepth as RgbDepth
from .encoders.precision import Precision as Precision
from .encoders.raw_pixels import PixelsConfig as PixelsConfig
from .encoders.residual import Norm as Norm
from .encoders.residual import Stem as Stem
from .encoders.resnet import ResNetConfig as ResNetConfig
from .encoders.small_cnn import SmallCnnConfig as SmallCnnConfig
from .encoders.standardize import IMAGENET_MEAN as IMAGENET_MEAN
from .encoders.standardize import IMAGENET_STD as IMAGENET_STD
from .encoders.timm_body import TimmConfig as TimmConfig
from .encoders.torchvision_keys import load_torchvision as load_torchvision
from .encoders.torchvision_keys import to_torchvision as to_torchvision
from .encoders.vit import ViTConfig as ViTConfig
from .images.cifar.dataset import Cifar10Config as Cifar10Config
from .images.cifar.dataset import Cifar100Config as Cifar100Config
from .images.dataset_images import DatasetImages as DatasetImages
from .images.episodes import Episodes as Episodes
from .images.fashion_mnist.dataset import (
    FashionMnistConfig as FashionMnistConfig,
)
from .images.fashion_mnist.dataset import (
    fashion_mnist_subset as fashion_mnist_subset,
)
from .images.folder import FolderConfig as FolderConfig
from .images.loaders import first_images as first_images
from .images.mixed import MixedConfig as MixedConfig
from .images.orders import OrderConfig as OrderConfig
from .images.orders import RowOrder as RowOrder
from .images.orders import ShuffledConfig as ShuffledConfig
from .images.source import ArrayImages as ArrayImages
from .images.source import ImagesConfig as ImagesConfig
from .images.source import ImageSource as ImageSource
from .images.source import ImageSplit as ImageSplit
from .images.stl10 import Stl10Config as Stl10Config
from .learn.decay import Decayed as Decayed
from .learn.lars import Lars as Lars
from .learn.lars import LarsConfig as LarsConfig
from .learn.optimizer import AdamWConfig as AdamWConfig
from .learn.optimizer import OptimizerConfig as OptimizerConfig
from .learn.pace import PacedAdam as PacedAdam
from .learn.pace import groups_by_pace as groups_by_pace
from .learn.pace import set_pace as set_pace
from .learn.pace import set_rate as set_rate
from .learn.pretrainer import Pretrainer as Pretrainer
from .learn.schedule import Cosine as Cosine
from .learn.schedule import Fall as Fall
from .learn.schedule import Level as Level
from .learn.schedule import Stairs as Stairs
from .learn.sgd import SgdConfig as SgdConfig
from .measure.crossed import CrossedShares as CrossedShares
from .measure.crossed import crossed_shares as crossed_shares
from .measure.diagnostics import alignment as alignment
from .measure.diagnostics import effective_rank as effective_rank
from .measure.diagnostics import lidar as lidar
from .measure.diagnostics import (
    participation_ratio as participation_ratio,
)
from .measure.diagnostics import rankme as rankme
from .measure.diagnostics import relative_spread as relative_spread
from .measure.diagnostics import uniformity as uniformity
from .measure.diagnostics import within_share as within_share
from .measure.encoder_evaluation import ProbeConfig as ProbeConfig
from .measure.examples import Examples as Examples
from .measure.examples import Labelled as Labelled
from .measure.examples import ProtocolConfig as ProtocolConfig
from .measure.leakage import Leakage as Leakage
from .measure.leakage import leakage as leakage
from .measure.probes import features as features
from .method import Method as Method
from .methods.bootstrap.byol import Byol as Byol
from .methods.bootstrap.byol import ByolConfig as ByolConfig
from .methods.bootstrap.byol import SimSiam as SimSiam
from .methods.bootstrap.byol import SimSiamConfig as SimSiamConfig
from .methods.bootstrap.direct_pred import (
    DirectCopyConfig as DirectCopyConfig,
)
from .methods.bootstrap.direct_pred import DirectPred as DirectPred
from .methods.bootstrap.direct_pred import (
    DirectPredConfig as DirectPredConfig,
)
from .methods.bootstrap.msb_reg import MsbRegConfig as MsbRegConfig
from .methods.bootstrap.msb_reg import Spectral as Spectral
from .methods.bootstrap.regression import Regression as Regression
from .methods.bootstrap.regression import (
    RegressionConfig as RegressionConfig,
)
from .methods.clusters.dino import Dino as Dino
from .methods.clusters.dino import DinoConfig as DinoConfig
from .methods.clusters.inter_clr import InterClrConfig as InterClrConfig
from .methods.clusters.pcl import PclConfig as PclConfig
from .methods.clusters.pcl import ProtoNce as ProtoNce
from .methods.clusters.self_label import SelfLabel as SelfLabel
from .methods.clusters.self_label import (
    SelfLabelConfig as SelfLabelConfig,
)
from .methods.clusters.swav import Swav as Swav
from .methods.clusters.swav import SwavConfig as SwavConfig
from .methods.clusters.twist import Twist as Twist
from .methods.clusters.twist import TwistConfig as TwistConfig
from .methods.contrast.atc import AtcConfig as AtcConfig
from .methods.contrast.atc import atc as atc
from .methods.contrast.both_ways import BothWays as BothWays
from .methods.contrast.bregman import DeepBregman as DeepBregman
from .methods.contrast.bregman import (
    DeepBregmanConfig as DeepBregmanConfig,
)
from .methods.contrast.compressive import CByol as CByol
from .methods.contrast.compressive import CByolConfig as CByolConfig
from .methods.contrast.compressive import CSimClr as CSimClr
from .methods.contrast.compressive import CSimClrConfig as CSimClrConfig
from .methods.contrast.direct_clr import DirectClr as DirectClr
from .methods.contrast.direct_clr import (
    DirectClrConfig as DirectClrConfig,
)
from .methods.contrast.hallucinate import Hallucinate as Hallucinate
from .methods.contrast.hallucinate import (
    HallucinateConfig as HallucinateConfig,
)
from .methods.contrast.info_nce import Contrast as Contrast
from .methods.contrast.info_nce import Coupled as Coupled
from .methods.contrast.info_nce import CpcConfig as CpcConfig
from .methods.contrast.info_nce import DclConfig as DclConfig
from .methods.contrast.info_nce import DclwConfig as DclwConfig
from .methods.contrast.info_nce import Decoupled as Decoupled
from .methods.contrast.info_nce import InfoNceConfig as InfoNceConfig
from .methods.contrast.info_nce import SimClrConfig as SimClrConfig
from .methods.contrast.info_nce import (
    VonMisesWeighted as VonMisesWeighted,
)
from .methods.contrast.info_nce import dcl as dcl
from .methods.contrast.info_nce import dclw as dclw
from .methods.contrast.info_nce import info_nce as info_nce
from .methods.contrast.info_nce import sim_clr as sim_clr
from .methods.contrast.renyi import RenyiCl as RenyiCl
from .methods.contrast.renyi import RenyiClConfig as RenyiClConfig
from .methods.dense.local_global import AmdimConfig as AmdimConfig
from .methods.dense.local_global import (
    DeepInfoMaxConfig as DeepInfoMaxConfig,
)
from .methods.dense.local_global import LocalGlobal as LocalGlobal
from .methods.dense.local_global import StDimConfig as StDimConfig
from .methods.dense.vicregl import VicRegL as VicRegL
from .methods.dense.vicregl import VicRegLConfig as VicRegLConfig
from .methods.memory.instance import CmcConfig as CmcConfig
from .methods.memory.instance import InstanceConfig as InstanceConfig
from .methods.memory.instance import NceForm as NceForm
from .methods.memory.instance import SoftmaxForm as SoftmaxForm
from .methods.memory.label_propagation import (
    LabelPropagation as LabelPropagation,
)
from .methods.memory.label_propagation import (
    LabelPropagationConfig as LabelPropagationConfig,
)
from .methods.memory.local_aggregation import (
    LocalAggregationConfig as LocalAggregationConfig,
)
from .methods.memory.moco import MoCoConfig as MoCoConfig
from .methods.memory.ring import RingConfig as RingConfig
from .methods.moments.hsic import SslHsic as SslHsic
from .methods.moments.hsic import SslHsicConfig as SslHsicConfig
from .methods.moments.sigreg import SigReg as SigReg
from .methods.moments.sigreg import SigRegConfig as SigRegConfig
from .methods.moments.tico import TiCo as TiCo
from .methods.moments.tico import TiCoConfig as TiCoConfig
from .methods.moments.vicreg_barlow import BarlowConfig as BarlowConfig
from .methods.moments.vicreg_barlow import BarlowTwins as BarlowTwins
from .methods.moments.vicreg_barlow import VicReg as VicReg
from .methods.moments.vicreg_barlow import VicRegConfig as VicRegConfig
from .methods.pretext.aug_self import AugSelf as AugSelf
from .methods.pretext.aug_self import AugSelfConfig as AugSelfConfig
from .methods.pretext.autoencoder import Reconstruction as Reconstruction
from .methods.pretext.autoencoder import (
    ReconstructionConfig as ReconstructionConfig,
)
from .methods.pretext.masked import IJepaConfig as IJepaConfig
from .methods.pretext.masked import MaeConfig as MaeConfig
from .methods.pretext.masked import MaskedPrediction as MaskedPrediction
from .methods.pretext.rotnet import RotNet as RotNet
from .methods.pretext.rotnet import RotNetConfig as RotNetConfig
from .methods.weighted import Weighted as Weighted
from .objective import Loss as Loss
from .objective import Needs as Needs
from .objective import Objective as Objective
from .objective import ObjectiveConfig as ObjectiveConfig
from .objective import Sizes as Sizes
from .objective import TargetKind as TargetKind
from .objective import Views as Views
from .parts.critics import Bilinear as Bilinear
from .parts.masked_predictor import MaskedPredictorConfig as MaskedPredictorConfig
from .parts.masking import Blocks as Blocks
from .parts.masking import RandomPatches as RandomPatches
from .protocols.fine_tuning import FineTuningConfig as FineTuningConfig
from .protocols.linear_probe import LinearProbeConfig as LinearProbeConfig
from .protocols.neighbours import NeighboursConfig as NeighboursConfig
from .recipes import RECIPES as RECIPES
from .recipes import Recipe as Recipe
from .refusal import ConfigError as ConfigError
from .refusal import DatasetError as DatasetError
from .refusal import Refusal as Refusal
from .refusal import TrainingDiverged as TrainingDiverged
from .views.augment.augmentation import augment as augment
from .views.augment.preset import AugmentConfig as AugmentConfig
from .views.augment.preset import shifted as shifted
from .views.augment.preset import unchanged as unchanged
from .views.maker import Drawn as Drawn
from .views.maker import FourRotations as FourRotations
from .views.maker import MultiCrop as MultiCrop
from .views.maker import OneView as OneView
from .views.maker import TwoViews as TwoViews
from .views.maker import UnlikeViews as UnlikeViews
from .views.maker import ViewMaker as ViewMaker
from .views.maker import ViewsConfig as ViewsConfig
from .views.successive import LaterTarget as LaterTarget
from .views.successive import SuccessiveViews as SuccessiveViews
from .zoo import FAMILIES as FAMILIES
from .zoo import ZOO as ZOO
