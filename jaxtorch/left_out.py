"""What of torch is left out on purpose, and why: the one list, and the errors that read from it.

An entry stands for the name and for all below it. Asking for such a name as an attribute raises
:class:`LeftOut`, importing it as a module ``ModuleNotFoundError``; both say the reason. One that
ends in ``.*`` stands for what is below alone: many programs import the module and seldom use it.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys

__all__ = ["LEFT_OUT", "LeftOut", "attributes_of", "reason", "refusal"]

_SPARSE = "of sparse tensors COO ones are here; jax.experimental.sparse has BCOO and BCSR"
_QUANTIZED = "quantised tensors are PyTorch's own storage; nothing here computes with them"
_SCRIPT = "there is no TorchScript here: XLA compiles what the engine records"
_SYMBOLIC = "shapes are always known numbers here; XLA compiles one program for each"
_SUBBYTE = "a dtype without arithmetic in PyTorch either; JAX has no array of it"
_STORAGE = "arrays are immutable: a storage can be asked (Tensor.untyped_storage()) and not written"
_GRAPH = "there is no graph to capture by hand: a hot training step is one XLA program already"
_ALLOCATOR = "XLA manages the device's memory; XLA_PYTHON_CLIENT_MEM_FRACTION and such steer it"
_NVML = "JAX does not ask the driver; nvidia-smi or the package nvidia-ml-py do"
_DISPATCHER = "there is no dispatcher of PyTorch's: write a Function, or an @op on jax arrays"
_KERNELS = "a kernel of PyTorch's own by name; XLA chooses the kernel here, jax.nn has others"
_EXPORT = "PyTorch's graph capture; jax.export saves a compiled function for other processes"
_MODEL_PARALLEL = (
    "one process drives all devices here: shard arrays with jax.sharding and call jaxtorch.jit"
)

# (names, the reason they are left out)
_TABLE = (
    ("torch.onnx.*",
     "needs PyTorch's graph capture; jax.export and jax2onnx start from a function"),
    ("torch.export torch.package torch._export", _EXPORT),
    ("torch.fx.operator_schemas torch.fx.tensor_type torch.fx.annotate "
     "torch.fx.experimental.normalize torch.fx.experimental.rewriter "
     "torch.fx.experimental.graph_gradual_typechecker",
     "matches calls with PyTorch's schemas of its ops; inspect.signature tells those here"),
    ("torch.fx.traceback torch.fx.config",
     "of PyTorch's compiler: Tracer.record_stack_traces keeps where nodes are from"),
    ("torch.fx.experimental.proxy_tensor",
     "records PyTorch's dispatcher; jax.make_jaxpr(jaxtorch.func...) shows what a function does"),
    ("torch.fx.passes.graph_drawer torch.fx.passes.splitter_base torch.fx.passes.pass_manager "
     "torch.fx.passes.operator_support torch.fx.passes.tools_common torch.fx.passes.net_min_base "
     "torch.fx.passes.infra torch.fx.passes.backends torch.fx.passes.reinplace "
     "torch.fx.passes.fake_tensor_prop torch.fx.passes.graph_manipulation "
     "torch.fx.passes.param_fetch torch.fx.passes.split_utils torch.fx.passes.runtime_assert "
     "torch.fx.passes.graph_transform_observer torch.fx.passes.annotate_getitem_nodes "
     "torch.fx.passes.dialect torch.fx.passes.tests torch.fx.passes.regional_inductor "
     "torch.fx.passes.utils.common torch.fx.passes.utils.fuser_utils "
     "torch.fx.passes.utils.source_matcher_utils "
     "torch.fx.passes.utils.matcher_with_name_node_map_utils",
     "tools of PyTorch's compilers and drawings of them; XLA compiles here"),
    ("torch._inductor", "XLA is the compiler here: it has its own options (XLA_FLAGS)"),
    ("torch.nn.attention.activate_flash_attention_impl "
     "torch.nn.attention.current_flash_attention_impl "
     "torch.nn.attention.list_flash_attention_impls "
     "torch.nn.attention.register_flash_attention_impl "
     "torch.nn.attention.restore_flash_attention_impl torch.nn.attention.varlen "
     "torch.nn.functional.scaled_mm torch.nn.functional.scaled_grouped_mm torch._scaled_mm "
     "torch._scaled_mm_v2 torch._scaled_grouped_mm", _KERNELS),
    ("torch.classes torch.library torch.Tag torch.DispatchKey", _DISPATCHER),
    ("torch.utils.cpp_extension", "C++ extensions link PyTorch; jax.ffi calls C++ and CUDA code"),
    ("torch.utils.rename_privateuse1_backend torch.utils.generate_methods_for_privateuse1_backend",
     "other devices come to JAX as PJRT plugins"),
    ("torch.utils.mobile_optimizer torch.utils.bundled_inputs", _SCRIPT),
    ("torch.serialization.storage_to_tensor_type", "raises in PyTorch too; Tensor.type() tells it"),
    ("torch.serialization.validate_hpu_device", "JAX has no backend for Gaudi processors (hpu)"),
    ("torch.utils.data.IterDataPipe torch.utils.data.MapDataPipe torch.utils.data.DFIterDataPipe "
     "torch.utils.data.DataChunk torch.utils.data.datapipes torch.utils.data.graph "
     "torch.utils.data.graph_settings torch.utils.data.functional_datapipe",
     "PyTorch has given datapipes up; an IterableDataset with a generator does the same"),
    ("torch.utils.checkpoint.create_selective_checkpoint_contexts "
     "torch.utils.checkpoint.SelectiveCheckpointContext torch.utils.checkpoint.CheckpointPolicy "
     "torch.utils.checkpoint.SAC_IGNORED_OPS torch.utils.checkpoint.GraphExecGroup "
     "torch.utils.checkpoint.DefaultDeviceType",
     "policies name ops of PyTorch's dispatcher; jax.checkpoint has policies for pure functions"),
    ("torch.utils._sympy torch.fx.experimental.symbolic_shapes torch.fx.experimental.sym_node "
     "torch.fx.experimental.validator torch.fx.experimental.recording", _SYMBOLIC),
    ("torch.quantization.* torch.ao.* torch.backends.quantized torch.nn.quantized torch.nn.qat "
     "torch.nn.quantizable torch.nn.intrinsic", _QUANTIZED),
    ("torch.quantize_per_channel torch.quantize_per_tensor torch.quantize_per_tensor_dynamic "
     "torch.choose_qparams_optimized torch.empty_quantized torch.dequantize torch.int_repr "
     "torch.qint8 torch.qint32 torch.quint8 torch.quint2x4 torch.quint4x2 torch.qscheme "
     "torch.per_channel_affine torch.per_channel_symmetric torch.per_tensor_affine "
     "torch.per_tensor_symmetric torch.per_channel_affine_float_qparams torch.Tensor.qscheme "
     "torch.Tensor.dequantize torch.Tensor.int_repr torch.Tensor.q_scale "
     "torch.Tensor.q_zero_point torch.fused_moving_avg_obs_fake_quant", _QUANTIZED),
    ("torch.native_norm torch.hspmm torch.smm torch.sspaddmm torch.resize_as_sparse_ "
     "torch.sparse.as_sparse_gradcheck torch.sparse.check_sparse_tensor_invariants "
     "torch.sparse.sampled_addmm torch.sparse.semi_structured torch.sparse.spdiags "
     "torch.sparse.spsolve torch.sparse.to_sparse_semi_structured "
     "torch.sparse.SparseSemiStructuredTensor "
     "torch.sparse_bsc_tensor torch.sparse_bsr_tensor torch.sparse_compressed_tensor "
     "torch.sparse_csc_tensor torch.sparse_csr_tensor "
     "torch.ccol_indices_copy torch.col_indices_copy torch.crow_indices_copy "
     "torch.indices_copy torch.row_indices_copy torch.values_copy torch.cuda.sparse", _SPARSE),
    ("torch.Tensor.ccol_indices torch.Tensor.coalesce torch.Tensor.col_indices "
     "torch.Tensor.crow_indices torch.Tensor.indices torch.Tensor.is_coalesced "
     "torch.Tensor.resize_as_sparse_ torch.Tensor.row_indices torch.Tensor.smm "
     "torch.Tensor.sparse_mask torch.Tensor.sparse_resize_ "
     "torch.Tensor.sparse_resize_and_clear_ torch.Tensor.sspaddmm "
     "torch.Tensor.to_sparse_bsc torch.Tensor.to_sparse_bsr "
     "torch.Tensor.to_sparse_csc torch.Tensor.to_sparse_csr torch.Tensor.values", _SPARSE),
    ("torch.nested torch.Tensor.to_padded_tensor",
     "ragged shapes are padded and masked here, as XLA needs them: nn.utils.rnn.pad_sequence"),
    ("torch.masked.MaskedTensor torch.masked.masked_tensor torch.masked.as_masked_tensor "
     "torch.masked.is_masked_tensor",
     "a mask is a tensor of its own here: torch.where, and the functions with mask= beside these"),
    ("torch.Tensor.const_data_ptr "
     "torch.cuda.BFloat16Storage torch.cuda.BoolStorage "
     "torch.cuda.ByteStorage torch.cuda.CharStorage torch.cuda.ComplexDoubleStorage "
     "torch.cuda.ComplexFloatStorage torch.cuda.DoubleStorage torch.cuda.FloatStorage "
     "torch.cuda.HalfStorage torch.cuda.IntStorage torch.cuda.LongStorage "
     "torch.cuda.ShortStorage", _STORAGE),
    ("torch.CompilationUnit torch.ScriptClass torch.ScriptFunction torch.JITException "
     "torch.import_ir_module torch.import_ir_module_from_buffer torch.parse_ir "
     "torch.parse_schema torch.parse_type_comment torch.merge_type_from_type_comment "
     "torch.unify_type_list torch.fork torch.wait torch.AVG torch.SUM "
     "torch.AggregationType torch.jit.CompilationUnit torch.jit.ScriptFunction "
     "torch.jit.Attribute torch.jit.frontend torch.jit.export_opnames "
     "torch.jit.strict_fusion torch.jit.freeze_module", _SCRIPT),
    ("torch.jit.save torch.jit.load",
     "there is no TorchScript here: torch.save a state_dict, and build the module from its class"),
    ("torch.backends.m torch.windows",
     "a stray name in torch's own module, reached by its right one"),
    ("torch.backends.python_native", "switches of kernels written in PyTorch's DSLs"),
    ("torch.cuda.get_sync_debug_mode torch.cuda.set_sync_debug_mode",
     "nothing here reports synchronisations; jax.transfer_guard does"),
    ("torch.bit torch.bits8 torch.bits16 torch.bits1x8 torch.bits2x4 torch.bits4x2 torch.int1 "
     "torch.int2 torch.int3 torch.int4 torch.int5 torch.int6 torch.int7 torch.uint1 "
     "torch.uint2 torch.uint3 torch.uint4 torch.uint5 torch.uint6 torch.uint7 "
     "torch.float4_e2m1fn_x2", _SUBBYTE),
    ("torch.float8_e8m0fnu",
     "powers of two, as scales of blocks; the other float8 dtypes are here"),
    ("torch.complex32 torch.chalf torch.Tensor.chalf",
     "JAX has no complex numbers of two halves; complex64 holds all their values"),
    ("torch.is_distributed torch.Tensor.is_distributed torch.distributed.tensor.DeviceMesh "
     "torch.distributed.tensor.debug torch.distributed.tensor.device_mesh "
     "torch.distributed.tensor.distribute_module torch.distributed.tensor.distribute_tensor "
     "torch.distributed.tensor.empty torch.distributed.tensor.experimental "
     "torch.distributed.tensor.full torch.distributed.tensor.init_device_mesh "
     "torch.distributed.tensor.ones torch.distributed.tensor.parallel "
     "torch.distributed.tensor.rand torch.distributed.tensor.randn "
     "torch.distributed.tensor.zeros torch.distributed._tensor "
     "torch.distributed.fsdp.BackwardPrefetch torch.distributed.fsdp.CPUOffload "
     "torch.distributed.fsdp.CPUOffloadPolicy torch.distributed.fsdp.DataParallelMeshDims "
     "torch.distributed.fsdp.FSDPModule torch.distributed.fsdp.FlatParameter "
     "torch.distributed.fsdp.FullOptimStateDictConfig "
     "torch.distributed.fsdp.FullStateDictConfig "
     "torch.distributed.fsdp.LocalOptimStateDictConfig "
     "torch.distributed.fsdp.LocalStateDictConfig torch.distributed.fsdp.MixedPrecision "
     "torch.distributed.fsdp.MixedPrecisionPolicy torch.distributed.fsdp.OffloadPolicy "
     "torch.distributed.fsdp.OptimStateDictConfig torch.distributed.fsdp.OptimStateKeyType "
     "torch.distributed.fsdp.ShardedOptimStateDictConfig "
     "torch.distributed.fsdp.ShardedStateDictConfig torch.distributed.fsdp.ShardingStrategy "
     "torch.distributed.fsdp.StateDictConfig torch.distributed.fsdp.StateDictSettings "
     "torch.distributed.fsdp.StateDictType torch.distributed.fsdp.UnshardHandle "
     "torch.distributed.fsdp.api torch.distributed.fsdp.fully_shard "
     "torch.distributed.fsdp.fully_sharded_data_parallel "
     "torch.distributed.fsdp.register_fsdp_forward_method "
     "torch.distributed.fsdp.sharded_grad_scaler torch.distributed.fsdp.share_comm_ctx "
     "torch.distributed.fsdp.wrap torch.distributed._composable torch.distributed.rpc.* "
     "torch.distributed.pipelining torch.distributed.optim torch.distributed.autograd "
     "torch.distributed.elastic torch.distributed.launch torch.distributed.run "
     "torch.distributed.device_mesh torch.distributed.DeviceMesh "
     "torch.distributed.init_device_mesh torch.distributed.TCPStore "
     "torch.distributed.FileStore torch.distributed.HashStore", _MODEL_PARALLEL),
    ("torch.distributed.algorithms.ddp_comm_hooks torch.distributed.algorithms.model_averaging",
     "no gradients travel between processes, so that there are none to compress or to put off"),
    ("torch.distributed.checkpoint", "orbax writes and reads checkpoints of sharded arrays"),
    ("torch.cuda.CUDAGraph torch.cuda.graph torch.cuda.graphs torch.cuda.graph_pool_handle "
     "torch.cuda.make_graphed_callables torch.cuda.is_current_stream_capturing "
     "torch.accelerator.Graph torch.accelerator.graphs", _GRAPH),
    ("torch.cuda.CUDAPluggableAllocator torch.cuda.MemPool torch.cuda.use_mem_pool "
     "torch.cuda.caching_allocator_alloc torch.cuda.caching_allocator_delete "
     "torch.cuda.caching_allocator_disabled torch.cuda.caching_allocator_enable "
     "torch.cuda.change_current_allocator torch.cuda.get_allocator_backend "
     "torch.cuda.get_per_process_memory_fraction torch.cuda.set_per_process_memory_fraction "
     "torch.cuda.memory_snapshot torch.cuda.ipc_collect "
     "torch.cuda.host_memory_stats torch.cuda.host_memory_stats_as_nested_dict "
     "torch.cuda.reset_accumulated_host_memory_stats "
     "torch.cuda.reset_accumulated_memory_stats torch.cuda.reset_peak_host_memory_stats",
     _ALLOCATOR),
    ("torch.cuda.clock_rate torch.cuda.power_draw torch.cuda.temperature "
     "torch.cuda.utilization torch.cuda.memory_usage torch.cuda.device_memory_used "
     "torch.cuda.list_gpu_processes", _NVML),
    ("torch.cuda.GreenContext torch.cuda.green_contexts torch.cuda.ExternalStream "
     "torch.cuda.get_stream_from_external torch.cuda.current_blas_handle "
     "torch.cuda.current_solver_handle torch.cuda.cudart torch.cuda.cudaStatus "
     "torch.cuda.CudaError torch.cuda.check_error torch.cuda.DeferredCudaCallError "
     "torch.cuda.can_device_access_peer torch.cuda.gds torch.cuda.jiterator torch.cuda.tunable "
     "torch.cuda.nccl torch.cuda.get_arch_list torch.cuda.get_gencode_flags "
     "torch.cuda.has_magma torch.cuda.has_half torch.cuda.profiler",
     "PyTorch's own hold on the CUDA runtime; here XLA has it"),
    ("torch.monitor", "counters of PyTorch's servers; jaxtorch.stats() tells the engine's"),
    ("torch.autograd.profiler.emit_itt "
     "torch.autograd.profiler.load_nvprof torch.autograd.profiler.parse_nvprof_trace "
     "torch.autograd.profiler.KinetoStepTracker torch.autograd.profiler.EnforceUnique "
     "torch.autograd.profiler.MemRecordsAcc torch.autograd.profiler_legacy",
     "tools of PyTorch's own tracer; torch.profiler and jax.profiler trace here"),
    ("torch.cuda.amp.common", "one question, which torch.cuda.is_available() answers"),
    ("torch.embedding_bag",
     "its kernel's bookkeeping is not kept: nn.functional.embedding_bag gives the bags themselves"),
    ("torch.lobpcg", "an iteration for sparse matrices: linalg.eigh has all of a dense one's"),
    ("torch._jit_internal torch.nn.functional.boolean_dispatch", "how PyTorch scripts a function"),
    ("torch.Tensor.index", "of functorch's first-class dimensions"),
    ("torch.Tensor.share_memory_", "arrays are immutable: no process could see another's writes"),
    ("torch.overrides.enable_reentrant_dispatch torch.overrides.redispatch_function "
     "torch.overrides.get_testing_overrides", "of PyTorch's own dispatcher and its tests"),
    ("torch.autograd.graph.region_activation_memory_budget",
     "of torch.compile's partitioner; torch.utils.checkpoint says what is computed again"),
    ("torch.autograd.graph.set_override_stale_capture_stream "
     "torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch",
     "of CUDA's streams in PyTorch's backward; XLA orders what a program computes"),
    ("torch.autograd.NestedIOFunction torch.autograd.enforce_grad_layout_policy",
     "of PyTorch's C++ engine"),
    ("torch.testing._internal torch.testing.FileCheck",
     "PyTorch's test suite; torch.testing has what programs use of it"),
    ("torch._dynamo.explain torch._dynamo.export torch._dynamo.backends",
     "nothing is traced ahead of a run; jaxtorch.explain() tells what XLA compiled, and why"),
)  # fmt: skip

LEFT_OUT = {name: why for names, why in _TABLE for name in names.split()}


def reason(name: str) -> str | None:
    """Why ``name`` ("torch.onnx.export") is left out; None if it is not, by the list."""
    why = LEFT_OUT.get(name)
    while name and why is None:
        name = name.rpartition(".")[0]
        why = LEFT_OUT.get(name) or LEFT_OUT.get(f"{name}.*")
    return why


class LeftOut(AttributeError):
    """The name is one of torch's that jaxtorch leaves out."""


def refusal(name: str) -> str:
    """What an error says about a name that is left out."""
    return f"{name} is left out of jaxtorch: {reason(name)}"


def torch_name(name: str) -> str:
    """``jaxtorch.nn`` as torch has it: ``torch.nn``."""
    return "torch" + name.removeprefix(__name__.partition(".")[0])


def attributes_of(package: str):
    """A package's ``__getattr__``: a submodule is imported when it is first asked for, as
    ``torch.x.y`` needs no import of its own in torch; what is left out says why."""

    def __getattr__(name: str):
        full = f"{torch_name(package)}.{name}"
        where = f"{package}.{name}"
        dunder = name.startswith("__")
        is_package = "__path__" in vars(sys.modules[package])
        if not dunder and is_package and importlib.util.find_spec(where) is not None:
            return importlib.import_module(where)
        if not dunder and reason(full):
            raise LeftOut(refusal(full), name=name)
        raise AttributeError(f"module '{package}' has no attribute '{name}'", name=name)

    return __getattr__


class _Refuser(importlib.abc.MetaPathFinder):
    """Asked last for a submodule that nobody has: says so where it is left out."""

    def find_spec(self, fullname, path=None, target=None):
        name = torch_name(fullname)
        if not fullname.startswith(__name__.partition(".")[0] + ".") or not reason(name):
            return None
        if sys._getframe(2).f_code.co_name != "_find_and_load_unlocked":
            return None  # importlib.util.find_spec is a question, to be answered with None
        # By torch's name, or `from jaxtorch import onnx` would swallow the error and make its own.
        raise ModuleNotFoundError(refusal(name), name=name)


sys.meta_path.append(_Refuser())
