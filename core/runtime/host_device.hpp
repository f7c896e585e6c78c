// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Marks functions that run on the host and, compiled by nvcc, on a CUDA device.
#ifdef __CUDACC__
#define MHUB_HOST_DEVICE __host__ __device__
#else
#define MHUB_HOST_DEVICE
#endif
