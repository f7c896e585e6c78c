// SPDX-License-Identifier: Apache-2.0
// A stand-in for libcuda.so.1, for the plan test alone, which builds cuDNN plans on machines without a GPU.
// cuDNN compiles a plan's kernels and hands them to the driver with cuLibraryLoadData; these functions accept
// them. Everything else answers as the CUDA toolkit's stub library does, so no device is ever found.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

enum { kSuccess = 0, kStubLibrary = 34 };  // CUDA_SUCCESS, CUDA_ERROR_STUB_LIBRARY

static int dummy;  // handles point here

static int unavailable(void) { return kStubLibrary; }

// cuDNN does without a driver that lacks one of these.
int cuCtxGetCurrent(void) __attribute__((alias("unavailable")));
int cuCtxGetLimit(void) __attribute__((alias("unavailable")));
int cuCtxPopCurrent(void) __attribute__((alias("unavailable")));
int cuCtxPushCurrent(void) __attribute__((alias("unavailable")));
int cuDeviceGet(void) __attribute__((alias("unavailable")));
int cuDeviceGetCount(void) __attribute__((alias("unavailable")));
int cuGetErrorName(void) __attribute__((alias("unavailable")));
int cuGetErrorString(void) __attribute__((alias("unavailable")));
int cuKernelGetAttribute(void) __attribute__((alias("unavailable")));
int cuLaunchCooperativeKernel(void) __attribute__((alias("unavailable")));
int cuLaunchKernel(void) __attribute__((alias("unavailable")));
int cuLaunchKernelEx(void) __attribute__((alias("unavailable")));
int cuLibraryLoadFromFile(void) __attribute__((alias("unavailable")));
int cuLinkAddData(void) __attribute__((alias("unavailable")));
int cuLinkComplete(void) __attribute__((alias("unavailable")));
int cuLinkCreate(void) __attribute__((alias("unavailable")));
int cuLinkDestroy(void) __attribute__((alias("unavailable")));
int cuOccupancyMaxPotentialClusterSize(void) __attribute__((alias("unavailable")));
int cuStreamGetCtx(void) __attribute__((alias("unavailable")));

int cuInit(unsigned flags) {
  (void)flags;
  return kStubLibrary;
}

int cuDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}

int cuLibraryLoadData(void** library, const void* code, void* jit_options, void** jit_values,
                      unsigned jit_count, void* options, void** values, unsigned count) {
  (void)jit_options, (void)jit_values, (void)jit_count, (void)options, (void)values, (void)count;
  if (code == NULL) return kStubLibrary;
  *library = &dummy;
  return kSuccess;
}

int cuLibraryUnload(void* library) {
  (void)library;
  return kSuccess;
}

int cuLibraryGetKernel(void** kernel, void* library, const char* name) {
  (void)library, (void)name;
  *kernel = &dummy;
  return kSuccess;
}

int cuKernelGetFunction(void** function, void* kernel) {
  *function = kernel;
  return kSuccess;
}

int cuKernelSetAttribute(int attribute, int value, void* kernel, int device) {
  (void)attribute, (void)value, (void)kernel, (void)device;
  return kSuccess;
}

// What the CUDA runtime and cuDNN look functions up with.
int cuGetProcAddress_v2(const char* symbol, void** function, int version, uint64_t flags, int* status) {
  (void)version, (void)flags;
  void* self = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  void* found = self != NULL ? dlsym(self, symbol) : NULL;
  *function = found != NULL ? found : (void*)(intptr_t)&unavailable;
  if (status != NULL) *status = 0;  // CU_GET_PROC_ADDRESS_SUCCESS
  return kSuccess;
}

int cuGetProcAddress(const char* symbol, void** function, int version, uint64_t flags) {
  return cuGetProcAddress_v2(symbol, function, version, flags, NULL);
}
