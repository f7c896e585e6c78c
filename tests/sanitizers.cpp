// SPDX-License-Identifier: Apache-2.0
// Read by the sanitizers, in every program that is built with them for tests.

// HDF5 1.10 loses one object header's structure for each damaged header that it refuses (H5C_protect ->
// H5O__cache_deserialize). Ours are not hidden by this: identifiers that stay open are counted by the tests.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

// Quietly: tests of the mhub command look at what it prints.
extern "C" const char* __lsan_default_options();
extern "C" const char* __lsan_default_options() { return "print_suppressions=0"; }

// For variables of threads in libraries that dlopen brings, the runtime of g++ 12 guesses their place: where
// one lies 16 bytes into a page, the two words before it are taken for glibc 2.19's header
// (sanitizer_tls_get_addr.cpp, DTLS_on_tls_get_addr). glibc has no such header since 2.25: once in some
// hundred runs the leak check reads garbage as a range and dies ("Tracer caught signal 11").
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "intercept_tls_get_addr=0"; }
