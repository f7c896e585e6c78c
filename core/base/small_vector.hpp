// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace mhub {

/// A std::vector of plain values whose first `N` lie in the object itself: shapes and loops are short, and a
/// large model has a million of them, each of which would be a piece of memory of its own.
template <typename T, std::size_t N>
class SmallVector {
  static_assert(std::is_trivially_copyable_v<T> && N * sizeof(T) >= sizeof(T*));

 public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using const_reference = const T&;
  using pointer = T*;
  using const_pointer = const T*;
  using iterator = T*;
  using const_iterator = const T*;

  SmallVector() = default;
  explicit SmallVector(std::size_t count) { resize(count); }
  SmallVector(std::size_t count, const T& value) { resize(count, value); }
  SmallVector(std::initializer_list<T> values) { assign(values.begin(), values.end()); }
  template <std::forward_iterator Iterator>
  SmallVector(Iterator first, Iterator last) {
    assign(first, last);
  }
  SmallVector(const SmallVector& other) { assign(other.begin(), other.end()); }
  SmallVector(SmallVector&& other) noexcept { take(other); }
  SmallVector& operator=(const SmallVector& other) {
    if (this != &other) assign(other.begin(), other.end());
    return *this;
  }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this == &other) return *this;
    release();
    take(other);
    return *this;
  }
  SmallVector& operator=(std::initializer_list<T> values) {
    assign(values.begin(), values.end());
    return *this;
  }
  ~SmallVector() { release(); }

  T* data() { return on_heap() ? place_.heap : reinterpret_cast<T*>(place_.inside); }
  const T* data() const { return on_heap() ? place_.heap : reinterpret_cast<const T*>(place_.inside); }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  iterator begin() { return data(); }
  iterator end() { return data() + size_; }
  const_iterator begin() const { return data(); }
  const_iterator end() const { return data() + size_; }
  const_iterator cbegin() const { return begin(); }
  const_iterator cend() const { return end(); }
  T& operator[](std::size_t at) { return data()[at]; }
  const T& operator[](std::size_t at) const { return data()[at]; }
  T& at(std::size_t at) { return data()[checked(at)]; }
  const T& at(std::size_t at) const { return data()[checked(at)]; }
  T& front() { return data()[0]; }
  const T& front() const { return data()[0]; }
  T& back() { return data()[size_ - 1]; }
  const T& back() const { return data()[size_ - 1]; }

  void clear() { size_ = 0; }
  void reserve(std::size_t count) {
    if (count > capacity_) grow(count);
  }
  void resize(std::size_t count, const T& value = T()) {
    const T copied = value;
    reserve(count);
    if (count > size_) std::uninitialized_fill(end(), data() + count, copied);
    size_ = static_cast<std::uint32_t>(count);
  }
  template <std::forward_iterator Iterator>
  void assign(Iterator first, Iterator last) {
    const auto count = static_cast<std::size_t>(std::distance(first, last));
    size_ = 0;
    reserve(count);
    std::uninitialized_copy(first, last, data());
    size_ = static_cast<std::uint32_t>(count);
  }
  void push_back(const T& value) { emplace_back(value); }
  template <typename... Arguments>
  T& emplace_back(Arguments&&... arguments) {
    const T value{std::forward<Arguments>(arguments)...};  // it may lie in here
    if (size_ == capacity_) grow(2 * std::size_t{capacity_});
    return *std::construct_at(data() + size_++, value);
  }
  void pop_back() { --size_; }
  iterator insert(const_iterator at, const T& value) {
    const std::ptrdiff_t before = at - begin();
    emplace_back(value);
    std::rotate(begin() + before, end() - 1, end());
    return begin() + before;
  }
  template <std::forward_iterator Iterator>
  iterator insert(const_iterator at, Iterator first, Iterator last) {
    const std::ptrdiff_t before = at - begin();
    const std::size_t old = size_;
    reserve(old + static_cast<std::size_t>(std::distance(first, last)));
    for (; first != last; ++first) emplace_back(*first);
    std::rotate(begin() + before, begin() + old, end());
    return begin() + before;
  }
  iterator erase(const_iterator at) { return erase(at, at + 1); }
  iterator erase(const_iterator first, const_iterator last) {
    const iterator to = begin() + (first - begin());
    std::copy(begin() + (last - begin()), end(), to);
    size_ -= static_cast<std::uint32_t>(last - first);
    return to;
  }

  friend bool operator==(const SmallVector& a, const SmallVector& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  friend auto operator<=>(const SmallVector& a, const SmallVector& b) requires std::three_way_comparable<T> {
    return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  bool on_heap() const { return capacity_ > N; }
  std::size_t checked(std::size_t at) const {
    if (at >= size_) throw std::out_of_range("SmallVector: element " + std::to_string(at));
    return at;
  }
  void grow(std::size_t count) {
    if (count > std::numeric_limits<std::uint32_t>::max()) throw std::length_error("SmallVector");
    T* const larger = std::allocator<T>().allocate(count);
    std::uninitialized_copy(begin(), end(), larger);
    release();
    place_.heap = larger;
    capacity_ = static_cast<std::uint32_t>(count);
  }
  void release() {
    if (on_heap()) std::allocator<T>().deallocate(place_.heap, capacity_);
    capacity_ = N;
  }
  /// Of one that holds nothing on the heap.
  void take(SmallVector& other) noexcept {
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, static_cast<std::uint32_t>(N));
    if (on_heap()) {
      place_.heap = other.place_.heap;
    } else {
      std::uninitialized_copy(reinterpret_cast<const T*>(other.place_.inside),
                              reinterpret_cast<const T*>(other.place_.inside) + size_,
                              reinterpret_cast<T*>(place_.inside));
    }
  }

  union {
    alignas(T) std::byte inside[N * sizeof(T)];
    T* heap;
  } place_;
  std::uint32_t size_ = 0, capacity_ = N;
};

}  // namespace mhub
