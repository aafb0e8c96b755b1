#include <cmath>

#include "kernels/cpu/norm.h"

namespace tutti::cpu::oracle {
namespace {

void write(float* out, double value, bool accumulate) {
  *out = static_cast<float>(accumulate ? *out + value : value);
}

}  // namespace

void layer_norm(const float* x_nd, const float* w_d, const float* b_d, int64_t n, int64_t d,
                float epsilon, float* y_nd, float* mean_n, float* rstd_n, int) {
  for (int64_t i = 0; i < n; ++i) {
    const float* x = x_nd + i * d;
    double mean = 0, variance = 0;
    for (int64_t j = 0; j < d; ++j) mean += x[j];
    mean /= static_cast<double>(d);
    for (int64_t j = 0; j < d; ++j) variance += (x[j] - mean) * (x[j] - mean);
    variance /= static_cast<double>(d);
    const double rstd = 1.0 / std::sqrt(variance + epsilon);
    for (int64_t j = 0; j < d; ++j) {
      y_nd[i * d + j] = static_cast<float>((x[j] - mean) * rstd * w_d[j] + b_d[j]);
    }
    mean_n[i] = static_cast<float>(mean);
    rstd_n[i] = static_cast<float>(rstd);
  }
}

void layer_norm_input_grad(const float* dy_nd, const float* x_nd, const float* w_d,
                           const float* mean_n, const float* rstd_n, const float* residual_nd,
                           int64_t n, int64_t d, float* dx_nd, int) {
  for (int64_t i = 0; i < n; ++i) {
    const float *dy = dy_nd + i * d, *x = x_nd + i * d;
    const double mean = mean_n[i], rstd = rstd_n[i];
    double g_mean = 0, gx_mean = 0;
    for (int64_t j = 0; j < d; ++j) {
      const double g = static_cast<double>(dy[j]) * w_d[j];
      g_mean += g;
      gx_mean += g * (x[j] - mean) * rstd;
    }
    g_mean /= static_cast<double>(d);
    gx_mean /= static_cast<double>(d);
    for (int64_t j = 0; j < d; ++j) {
      const double g = static_cast<double>(dy[j]) * w_d[j];
      const double gradient = rstd * (g - g_mean - (x[j] - mean) * rstd * gx_mean);
      const double residual = residual_nd ? residual_nd[i * d + j] : 0.0;
      dx_nd[i * d + j] = static_cast<float>(gradient + residual);
    }
  }
}

void layer_norm_weight_grad(const float* dy_nd, const float* x_nd, const float* mean_n,
                            const float* rstd_n, int64_t n, int64_t d, float* dw_d, float* db_d,
                            bool accumulate, int) {
  for (int64_t j = 0; j < d; ++j) {
    double dw = 0, db = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double dy = dy_nd[i * d + j];
      dw += dy * (static_cast<double>(x_nd[i * d + j]) - mean_n[i]) * rstd_n[i];
      db += dy;
    }
    write(dw_d + j, dw, accumulate);
    write(db_d + j, db, accumulate);
  }
}

void rms_norm(const float* x_nd, const float* w_d, int64_t n, int64_t d, float epsilon, float* y_nd,
              float* rstd_n, int) {
  for (int64_t i = 0; i < n; ++i) {
    const float* x = x_nd + i * d;
    double squares = 0;
    for (int64_t j = 0; j < d; ++j) squares += static_cast<double>(x[j]) * x[j];
    const double rstd = 1.0 / std::sqrt(squares / static_cast<double>(d) + epsilon);
    for (int64_t j = 0; j < d; ++j) y_nd[i * d + j] = static_cast<float>(x[j] * rstd * w_d[j]);
    rstd_n[i] = static_cast<float>(rstd);
  }
}

void rms_norm_input_grad(const float* dy_nd, const float* x_nd, const float* w_d,
                         const float* rstd_n, const float* residual_nd, int64_t n, int64_t d,
                         float* dx_nd, int) {
  for (int64_t i = 0; i < n; ++i) {
    const float *dy = dy_nd + i * d, *x = x_nd + i * d;
    const double rstd = rstd_n[i];
    double gx_mean = 0;
    for (int64_t j = 0; j < d; ++j) gx_mean += static_cast<double>(dy[j]) * w_d[j] * x[j] * rstd;
    gx_mean /= static_cast<double>(d);
    for (int64_t j = 0; j < d; ++j) {
      const double gradient = rstd * (static_cast<double>(dy[j]) * w_d[j] - x[j] * rstd * gx_mean);
      const double residual = residual_nd ? residual_nd[i * d + j] : 0.0;
      dx_nd[i * d + j] = static_cast<float>(gradient + residual);
    }
  }
}

void rms_norm_weight_grad(const float* dy_nd, const float* x_nd, const float* rstd_n, int64_t n,
                          int64_t d, float* dw_d, bool accumulate, int) {
  for (int64_t j = 0; j < d; ++j) {
    double dw = 0;
    for (int64_t i = 0; i < n; ++i) {
      dw += static_cast<double>(dy_nd[i * d + j]) * x_nd[i * d + j] * rstd_n[i];
    }
    write(dw_d + j, dw, accumulate);
  }
}

void sum_rows(const float* dy_nd, int64_t n, int64_t d, float* db_d, bool accumulate, int) {
  for (int64_t j = 0; j < d; ++j) {
    double db = 0;
    for (int64_t i = 0; i < n; ++i) db += dy_nd[i * d + j];
    write(db_d + j, db, accumulate);
  }
}

}  // namespace tutti::cpu::oracle
