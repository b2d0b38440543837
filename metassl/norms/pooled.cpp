// The kernels of pooled.py in C++: one pass over the map where PyTorch's operations take several.
//
// y = a z + b with z = ext(x), a = γ s, s = 1/sqrt(σ² + ε), b = β - μ a (see pooled.py). With g the gradient of y,
// S = Σ g, S_z = Σ g z and d = S_z - μ S, each a sum over rows and places, the first derivative is
//
//   g_x = put(a g) - share·(a S + γ s³ d (x - μ)),    g_γ = s d,    g_β = S.
//
// Of L = <u, g_x> + <p, g_γ> + <q, g_β>, with U = Σ share·u, U_x = Σ share·u (x - μ), R = Σ g take(u) and
// k = p s - γ s³ U_x, the derivatives are
//
//   in g: a take(u) + k z + q - a U - k μ,    in γ: s (R - S U) - s³ d U_x,
//   in x: put(k g) + share·(γ s³ d (U - u) - k S - s³ L_s (x - μ)),    L_s = γ (R - S U) + d (p - 3 γ s² U_x).
//
// put and take move values to and from the winners of the windows. Maps are [n, C, H, W] with the channels last in
// memory, pooled maps [n, C, h, w] alike. `place` says which of the four values of a window won: 0 1 / 2 3.
// `share` [n] is the share of each place of a row in the statistics.

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>
#include <type_traits>
#include <vector>

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Shape {
  int64_t n, C, H, W, h, w;
  explicit Shape(const Tensor& x)
      : n(x.size(0)), C(x.size(1)), H(x.size(2)), W(x.size(3)), h(H / 2), w(W / 2) {}
  int64_t map() const { return H * W * C; }
  int64_t pooled() const { return h * w * C; }
};

Tensor last(const Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

Tensor pooled_like(const Tensor& x, const Shape& s, at::ScalarType type) {
  return at::empty({s.n, s.C, s.h, s.w}, x.options().dtype(type).memory_format(at::MemoryFormat::ChannelsLast));
}

// Calls f(first pixel, whether it is the corner of a window, place in the pooled map) for all that a window holds
// or that lies beside the windows (odd sides).
template <typename Windows, typename Rest>
void over(const Shape& s, Windows windows, Rest rest) {
  for (int64_t i = 0; i < s.h; ++i) {
    for (int64_t j = 0; j < s.w; ++j) windows((2 * i * s.W + 2 * j) * s.C, (i * s.w + j) * s.C);
    if (s.W % 2)
      for (int64_t k = 0; k < 2; ++k) rest(((2 * i + k) * s.W + s.W - 1) * s.C);
  }
  if (s.H % 2)
    for (int64_t j = 0; j < s.W; ++j) rest(((s.H - 1) * s.W + j) * s.C);
}

template <typename F>
void each_row(int64_t n, F f) {
  at::parallel_for(0, n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) f(r);
  });
}

std::vector<double> shares(const Tensor& share, const Shape& s) {
  if (share.numel() == 0) return std::vector<double>(s.n, 1.0 / double(s.n * s.H * s.W));
  Tensor d = share.to(at::kDouble).contiguous();
  return std::vector<double>(d.data_ptr<double>(), d.data_ptr<double>() + s.n);
}

// Sums over the rows of what each row added up ([n, 2, C]), each row with its share.
std::vector<double> weighted(const std::vector<double>& rows, const std::vector<double>& share, const Shape& s) {
  std::vector<double> total(2 * s.C, 0.0);
  for (int64_t r = 0; r < s.n; ++r)
    for (int64_t c = 0; c < 2 * s.C; ++c) total[c] += share[r] * rows[r * 2 * s.C + c];
  return total;
}

template <typename T>
void extremes(const Tensor& x, const Tensor& weight, const Tensor& share, Tensor& z, Tensor& place, double* mean,
              double* var) {
  const Shape s(x);
  const int64_t C = s.C;
  const T* px = x.data_ptr<T>();
  T* pz = z.data_ptr<T>();
  uint8_t* pp = place.data_ptr<uint8_t>();
  std::vector<T> sign(C), level(C, T(0));
  std::vector<double> rows(s.n * 2 * C);
  const Tensor flat = weight.contiguous();
  for (int64_t c = 0; c < C; ++c) sign[c] = flat.data_ptr<T>()[c] < 0 ? T(-1) : T(1);
  // sums are taken around a value of the right size, the first line's mean: no digits cancel in the variance
  for (int64_t j = 0; j < s.W; ++j)
    for (int64_t c = 0; c < C; ++c) level[c] += px[j * C + c] / T(s.W);
  each_row(s.n, [&](int64_t r) {
    const T* row = px + r * s.map();
    T* out = pz + r * s.pooled();
    uint8_t* won = pp + r * s.pooled();
    std::vector<T> line(2 * C, T(0));
    T* __restrict first = line.data();
    T* __restrict second = line.data() + C;
    const T* __restrict base = level.data();
    const T* __restrict way = sign.data();
    std::vector<double> all(2 * C, 0.0);
    auto flush = [&] {
      for (int64_t c = 0; c < 2 * C; ++c) all[c] += line[c], line[c] = T(0);
    };
    int64_t seen = 0;
    over(
        s,
        [&](int64_t at, int64_t to) {
          const T* __restrict a = row + at;
          const T* __restrict b = a + C;
          const T* __restrict d = a + s.W * C;
          const T* __restrict e = d + C;
          T* __restrict o = out + to;
          uint8_t* __restrict q = won + to;
#pragma GCC ivdep
          for (int64_t c = 0; c < C; ++c) {
            const T g = way[c], k = base[c];
            const T v0 = a[c], v1 = b[c], v2 = d[c], v3 = e[c];
            const T u0 = v0 - k, u1 = v1 - k, u2 = v2 - k, u3 = v3 - k;
            first[c] += (u0 + u1) + (u2 + u3);
            second[c] += (u0 * u0 + u1 * u1) + (u2 * u2 + u3 * u3);
            T best = v0 * g;
            int32_t at_ = 0;
            at_ = v1 * g > best ? 1 : at_;
            best = v1 * g > best ? v1 * g : best;
            at_ = v2 * g > best ? 2 : at_;
            best = v2 * g > best ? v2 * g : best;
            at_ = v3 * g > best ? 3 : at_;
            best = v3 * g > best ? v3 * g : best;
            o[c] = best * g;
            q[c] = uint8_t(at_);
          }
          if (++seen % s.w == 0) flush();
        },
        [&](int64_t at) {
          const T* __restrict a = row + at;
#pragma GCC ivdep
          for (int64_t c = 0; c < C; ++c) {
            const T u = a[c] - base[c];
            first[c] += u;
            second[c] += u * u;
          }
        });
    flush();
    for (int64_t c = 0; c < 2 * C; ++c) rows[r * 2 * C + c] = all[c];
  });
  const std::vector<double> share_ = shares(share, s), total = weighted(rows, share_, s);
  for (int64_t c = 0; c < C; ++c) {
    mean[c] = double(level[c]) + total[c];
    var[c] = std::max(total[C + c] - total[c] * total[c], 0.0);
  }
}

template <typename T>
Tensor column(const std::vector<double>& values, const Tensor& like) {
  Tensor out = at::empty({int64_t(values.size())}, like.options().memory_format(at::MemoryFormat::Contiguous));
  for (size_t c = 0; c < values.size(); ++c) out.data_ptr<T>()[c] = T(values[c]);
  return out;
}

template <typename T>
std::vector<double> values(const Tensor& column, int64_t C) {
  if (!column.defined()) return std::vector<double>(C, 0.0);
  const Tensor own = column.contiguous();
  const T* from = own.template data_ptr<T>();
  return std::vector<double>(from, from + C);
}

// y = a z + b over a pooled map.
template <typename T>
void affine(const Tensor& z, const std::vector<double>& scale, const std::vector<double>& shift, Tensor& y) {
  const int64_t n = z.size(0), C = z.size(1), places = z.size(2) * z.size(3);
  const std::vector<T> a_(scale.begin(), scale.end()), b_(shift.begin(), shift.end());
  const T* __restrict a = a_.data();
  const T* __restrict b = b_.data();
  each_row(n, [&](int64_t r) {
    for (int64_t i = r * places; i < (r + 1) * places; ++i) {
      const T* __restrict from = z.data_ptr<T>() + i * C;
      T* __restrict to = y.data_ptr<T>() + i * C;
#pragma GCC ivdep
      for (int64_t c = 0; c < C; ++c) to[c] = a[c] * from[c] + b[c];
    }
  });
}

// [2C] Σ g and Σ g z
template <typename T>
std::vector<double> sums_of(const Tensor& g, const Tensor& z) {
  const int64_t n = z.size(0), C = z.size(1), h = z.size(2), w = z.size(3);
  std::vector<double> rows(n * 2 * C, 0.0), total(2 * C, 0.0);
  each_row(n, [&](int64_t r) {
    std::vector<T> line(2 * C);
    T* __restrict first = line.data();
    T* __restrict second = first + C;
    for (int64_t i = 0; i < h; ++i) {
      std::fill(line.begin(), line.end(), T(0));
      for (int64_t j = 0; j < w; ++j) {
        const T* __restrict a = g.data_ptr<T>() + ((r * h + i) * w + j) * C;
        const T* __restrict b = z.data_ptr<T>() + ((r * h + i) * w + j) * C;
#pragma GCC ivdep
        for (int64_t c = 0; c < C; ++c) {
          first[c] += a[c];
          second[c] += a[c] * b[c];
        }
      }
      for (int64_t c = 0; c < 2 * C; ++c) rows[r * 2 * C + c] += line[c];
    }
  });
  for (int64_t r = 0; r < n; ++r)
    for (int64_t c = 0; c < 2 * C; ++c) total[c] += rows[r * 2 * C + c];
  return total;
}

// out = put(scale·g) + share·(level + slope·x + pull·u)
template <typename T>
void spread(const Tensor& x, const Tensor& place, const Tensor& share, const Tensor& g, const Tensor& u,
            const std::vector<double>& scale, const std::vector<double>& level, const std::vector<double>& slope,
            const std::vector<double>& pull, Tensor& out) {
  const Shape s(x);
  const int64_t C = s.C, step = s.W * C;
  const std::vector<double> share_ = shares(share, s);
  const std::vector<T> scale_(scale.begin(), scale.end());
  const Tensor& pulled = u.defined() ? u : x;
  auto work = [&](auto pulls, int64_t r) {
    std::vector<T> own(3 * C);
    for (int64_t c = 0; c < C; ++c) {
      own[c] = T(share_[r] * level[c]);
      own[C + c] = T(share_[r] * slope[c]);
      own[2 * C + c] = T(share_[r] * pull[c]);
    }
    const T* __restrict lift = own.data();
    const T* __restrict tilt = own.data() + C;
    const T* __restrict drag = own.data() + 2 * C;
    const T* __restrict by = scale_.data();
    const T* x_ = x.data_ptr<T>() + r * s.map();
    const T* u_ = pulled.data_ptr<T>() + r * s.map();
    T* out_ = out.data_ptr<T>() + r * s.map();
    const T* g_ = g.data_ptr<T>() + r * s.pooled();
    const uint8_t* p_ = place.data_ptr<uint8_t>() + r * s.pooled();
    over(
        s,
        [&](int64_t at, int64_t from) {
          const T* __restrict v = g_ + from;
          const uint8_t* __restrict q = p_ + from;
          const T* __restrict a = x_ + at;
          const T* __restrict b = u_ + at;
          T* __restrict o = out_ + at;
#pragma GCC ivdep
          for (int64_t c = 0; c < C; ++c) {
            const int32_t k = q[c];
            const T put = v[c] * by[c], l = lift[c], t = tilt[c];
            T o0 = a[c] * t + (l + (k == 0 ? put : T(0)));
            T o1 = a[C + c] * t + (l + (k == 1 ? put : T(0)));
            T o2 = a[step + c] * t + (l + (k == 2 ? put : T(0)));
            T o3 = a[step + C + c] * t + (l + (k == 3 ? put : T(0)));
            if constexpr (pulls) {
              const T d = drag[c];
              o0 += d * b[c];
              o1 += d * b[C + c];
              o2 += d * b[step + c];
              o3 += d * b[step + C + c];
            }
            o[c] = o0;
            o[C + c] = o1;
            o[step + c] = o2;
            o[step + C + c] = o3;
          }
        },
        [&](int64_t at) {
          const T* __restrict a = x_ + at;
          const T* __restrict b = u_ + at;
          T* __restrict o = out_ + at;
#pragma GCC ivdep
          for (int64_t c = 0; c < C; ++c) {
            o[c] = a[c] * tilt[c] + lift[c];
            if constexpr (pulls) o[c] += drag[c] * b[c];
          }
        });
  };
  if (u.defined())
    each_row(s.n, [&](int64_t r) { work(std::true_type{}, r); });
  else
    each_row(s.n, [&](int64_t r) { work(std::false_type{}, r); });
}

// take(u), and [2C] Σ share·u and Σ share·u·(x - μ)
template <typename T>
std::vector<double> take(const Tensor& u, const Tensor& x, const Tensor& place, const Tensor& share,
                         const std::vector<double>& mean, Tensor& taken) {
  const Shape s(x);
  const int64_t C = s.C, step = s.W * C;
  const std::vector<T> mean_(mean.begin(), mean.end());
  std::vector<double> rows(s.n * 2 * C, 0.0);
  each_row(s.n, [&](int64_t r) {
    std::vector<T> line(2 * C, T(0));
    T* __restrict first = line.data();
    T* __restrict second = first + C;
    const T* __restrict m = mean_.data();
    const T* x_ = x.data_ptr<T>() + r * s.map();
    const T* u_ = u.data_ptr<T>() + r * s.map();
    T* t_ = taken.data_ptr<T>() + r * s.pooled();
    const uint8_t* p_ = place.data_ptr<uint8_t>() + r * s.pooled();
    over(
        s,
        [&](int64_t at, int64_t to) {
          const T* __restrict a = x_ + at;
          const T* __restrict b = u_ + at;
          T* __restrict g = t_ + to;
          const uint8_t* __restrict q = p_ + to;
#pragma GCC ivdep
          for (int64_t c = 0; c < C; ++c) {
            const T v0 = b[c], v1 = b[C + c], v2 = b[step + c], v3 = b[step + C + c], mu = m[c];
            const int32_t k = q[c];
            first[c] += (v0 + v1) + (v2 + v3);
            second[c] += (v0 * (a[c] - mu) + v1 * (a[C + c] - mu)) +
                         (v2 * (a[step + c] - mu) + v3 * (a[step + C + c] - mu));
            T best = v0;
            best = k == 1 ? v1 : best;
            best = k == 2 ? v2 : best;
            best = k == 3 ? v3 : best;
            g[c] = best;
          }
        },
        [&](int64_t at) {
          const T* __restrict a = x_ + at;
          const T* __restrict b = u_ + at;
#pragma GCC ivdep
          for (int64_t c = 0; c < C; ++c) {
            first[c] += b[c];
            second[c] += b[c] * (a[c] - m[c]);
          }
        });
    for (int64_t c = 0; c < 2 * C; ++c) rows[r * 2 * C + c] = line[c];
  });
  return weighted(rows, shares(share, s), s);
}

// a take(u) + k z + l over a pooled map
template <typename T>
Tensor blend(const Tensor& taken, const Tensor& z, const std::vector<double>& scale, const std::vector<double>& k,
             const std::vector<double>& level) {
  const int64_t n = z.size(0), C = z.size(1), places = z.size(2) * z.size(3);
  Tensor out = at::empty_like(z);
  const std::vector<T> a_(scale.begin(), scale.end()), k_(k.begin(), k.end()), l_(level.begin(), level.end());
  const T* __restrict a = a_.data();
  const T* __restrict b = k_.data();
  const T* __restrict l = l_.data();
  each_row(n, [&](int64_t r) {
    for (int64_t i = r * places; i < (r + 1) * places; ++i) {
      const T* __restrict t = taken.data_ptr<T>() + i * C;
      const T* __restrict v = z.data_ptr<T>() + i * C;
      T* __restrict o = out.data_ptr<T>() + i * C;
#pragma GCC ivdep
      for (int64_t c = 0; c < C; ++c) o[c] = a[c] * t[c] + (b[c] * v[c] + l[c]);
    }
  });
  return out;
}

template <typename T>
variable_list first_derivative(const Tensor& x, const Tensor& weight, const Tensor& place, const Tensor& share,
                               const Tensor& z, const Tensor& statistics, const Tensor& g, Tensor& kept) {
  const int64_t C = x.size(1);
  const std::vector<double> gamma = values<T>(weight, C), total = sums_of<T>(g, z);
  const double* mean = statistics.data_ptr<double>();
  const double* inverse = mean + C;
  std::vector<double> scale(C), level(C), slope(C), g_weight(C), g_bias(C);
  kept = at::empty({2, C}, statistics.options());
  for (int64_t c = 0; c < C; ++c) {
    const double s = inverse[c], S = total[c], d = total[C + c] - mean[c] * S;
    scale[c] = gamma[c] * s;
    slope[c] = -gamma[c] * s * s * s * d;
    level[c] = -scale[c] * S - slope[c] * mean[c];
    g_weight[c] = s * d;
    g_bias[c] = S;
    kept.data_ptr<double>()[c] = S;
    kept.data_ptr<double>()[C + c] = d;
  }
  Tensor out = at::empty_like(x);
  spread<T>(x, place, share, g, Tensor(), scale, level, slope, slope, out);
  return {out, column<T>(g_weight, weight), column<T>(g_bias, weight)};
}

template <typename T>
variable_list second_derivative(const Tensor& x, const Tensor& weight, const Tensor& place, const Tensor& share,
                                const Tensor& z, const Tensor& statistics, const Tensor& g, const Tensor& kept,
                                const Tensor& u, const Tensor& p_, const Tensor& q_) {
  const int64_t C = x.size(1);
  const std::vector<double> gamma = values<T>(weight, C), p = values<T>(p_, C), q = values<T>(q_, C);
  const double* mean = statistics.data_ptr<double>();
  const double* inverse = mean + C;
  const std::vector<double> mean_(mean, mean + C);
  Tensor taken = at::empty_like(z);
  const std::vector<double> against = take<T>(u, x, place, share, mean_, taken), R_ = sums_of<T>(taken, g);
  std::vector<double> scale(C), k(C), lift(C), level(C), slope(C), pull(C), g_weight(C);
  for (int64_t c = 0; c < C; ++c) {
    const double s = inverse[c], S = kept.data_ptr<double>()[c], d = kept.data_ptr<double>()[C + c];
    const double U = against[c], Ux = against[C + c], R = R_[C + c], s3 = s * s * s;
    scale[c] = gamma[c] * s;
    k[c] = p[c] * s - gamma[c] * s3 * Ux;
    lift[c] = q[c] - scale[c] * U - k[c] * mean[c];
    pull[c] = -gamma[c] * s3 * d;
    slope[c] = -s3 * (gamma[c] * (R - S * U) + d * (p[c] - 3 * gamma[c] * s * s * Ux));
    level[c] = -pull[c] * U - k[c] * S - slope[c] * mean[c];
    g_weight[c] = s * (R - S * U) - s3 * d * Ux;
  }
  Tensor out = at::empty_like(x);
  spread<T>(x, place, share, g, u, k, level, slope, pull, out);
  return {out, column<T>(g_weight, weight), blend<T>(taken, z, scale, k, lift)};
}

struct Derivative : torch::autograd::Function<Derivative> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const Tensor& place,
                               const Tensor& share, const Tensor& z, const Tensor& statistics, const Tensor& g) {
    at::AutoDispatchBelowADInplaceOrView guard;
    const Tensor g_ = last(g);
    Tensor kept;
    variable_list out;
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "metassl::first_derivative", [&] {
      out = first_derivative<scalar_t>(x, weight, place, share, z, statistics, g_, kept);
    });
    ctx->save_for_backward({x, weight, place, share, z, statistics, g, kept});
    return out;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "metassl::norm_max_pool has no third derivative");
    const variable_list own = ctx->get_saved_variables();
    const Tensor& x = own[0];
    const Tensor u = grads[0].defined() ? last(grads[0]) : at::zeros_like(x), g = last(own[6]);
    variable_list out;
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "metassl::second_derivative", [&] {
      out = second_derivative<scalar_t>(x, own[1], own[2], own[3], own[4], own[5], g, own[7], u, grads[1], grads[2]);
    });
    return {out[0], out[1], Tensor(), Tensor(), Tensor(), Tensor(), out[2]};
  }
};

struct NormMaxPool : torch::autograd::Function<NormMaxPool> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x_, const Tensor& weight, const Tensor& bias,
                        const Tensor& share, double eps) {
    at::AutoDispatchBelowADInplaceOrView guard;
    const Tensor x = last(x_);
    const Shape s(x);
    Tensor z = pooled_like(x, s, x.scalar_type()), y = at::empty_like(z), place = pooled_like(x, s, at::kByte);
    // [2, C] μ and s = 1/sqrt(σ² + ε)
    Tensor statistics = at::empty({2, s.C}, x.options().dtype(at::kDouble).memory_format(at::MemoryFormat::Contiguous));
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "metassl::norm_max_pool", [&] {
      double* mean = statistics.data_ptr<double>();
      double* inverse = mean + s.C;
      extremes<scalar_t>(x, weight, share, z, place, mean, inverse);
      std::vector<double> scale = values<scalar_t>(weight, s.C), shift = values<scalar_t>(bias, s.C);
      for (int64_t c = 0; c < s.C; ++c) {
        inverse[c] = 1 / std::sqrt(inverse[c] + eps);
        scale[c] *= inverse[c];
        shift[c] -= mean[c] * scale[c];
      }
      affine<scalar_t>(z, scale, shift, y);
    });
    ctx->save_for_backward({x_, weight, place, share, z, statistics});
    return y;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list own = ctx->get_saved_variables();
    const variable_list out = Derivative::apply(last(own[0]), own[1], own[2], own[3], own[4], own[5], grads[0]);
    return {out[0], out[1], out[2], Tensor(), Tensor()};
  }
};

Tensor norm_max_pool(const Tensor& x, const Tensor& weight, const Tensor& bias, const std::optional<Tensor>& share,
                     double eps) {
  return NormMaxPool::apply(x, weight, bias, share ? *share : at::empty({0}, x.options()), eps);
}

}  // namespace

TORCH_LIBRARY(metassl, m) {
  m.def("norm_max_pool(Tensor x, Tensor weight, Tensor bias, Tensor? share, float eps) -> Tensor", norm_max_pool);
}
