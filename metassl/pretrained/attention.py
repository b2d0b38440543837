"""Attention written out, since the fused kernels have no second derivative on a CPU.

torch has a switch for them, which is one for all threads: tasks that run in threads would switch it for each
other. So every layer does it on its own.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F


class WrittenOut(nn.MultiheadAttention):
    """The same attention of the same weights, always by matrix products and a softmax."""

    def forward(self, query: Tensor, key: Tensor, value: Tensor, *_: Any, **options: Any) -> Any:
        """See nn.MultiheadAttention; it returns no weights and drops nothing."""
        if self.batch_first:
            query, key, value = (each.transpose(0, 1) for each in (query, key, value))
        found, _weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias,
            self.bias_k, self.bias_v, self.add_zero_attn, 0.0, self.out_proj.weight, self.out_proj.bias,
            training=False, need_weights=True, attn_mask=options.get("attn_mask"), average_attn_weights=False,
        )  # fmt: skip
        return (found.transpose(0, 1) if self.batch_first else found), None


def write_out_attention(network: nn.Module) -> None:
    """Has every attention of a network take no fused kernel."""
    for module in network.modules():
        if type(module) is nn.MultiheadAttention:
            module.__class__ = WrittenOut  # in place, so that its weights keep their names
        elif hasattr(module, "fused_attn"):  # timm's layers have the switch of their own
            setattr(module, "fused_attn", False)  # noqa: B010
