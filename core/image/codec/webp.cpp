// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <webp/demux.h>

#include "mhub/base/error.hpp"
#include "mhub/image/codec.hpp"

namespace mhub::image {
namespace {

struct Delete {
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};

/// The content of a chunk; empty where there is none.
std::vector<std::byte> chunk(const WebPDemuxer* demuxer, const char* fourcc) {
  WebPChunkIterator found;
  std::vector<std::byte> content;
  if (WebPDemuxGetChunk(demuxer, fourcc, 1, &found) != 0) {
    const auto* begin = reinterpret_cast<const std::byte*>(found.chunk.bytes);
    content.assign(begin, begin + found.chunk.size);
  }
  WebPDemuxReleaseChunkIterator(&found);
  return content;
}

}  // namespace

Decoded decode_webp(Bytes bytes, const std::string& name) {
  const WebPData data{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  const std::unique_ptr<WebPDemuxer, Delete> demuxer(WebPDemux(&data));
  if (demuxer == nullptr) throw InputError(name + ": damaged or cut-off WebP");
  Decoded decoded;
  decoded.picture = blank(WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
                          WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT), name);
  // The decoder of animations is the one that Pillow uses for every file: it paints the first frame on the
  // canvas.
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  options.color_mode = MODE_RGBA;
  const std::unique_ptr<WebPAnimDecoder, Delete> decoder(WebPAnimDecoderNew(&data, &options));
  std::uint8_t* canvas = nullptr;
  int time = 0;
  if (decoder == nullptr || WebPAnimDecoderGetNext(decoder.get(), &canvas, &time) == 0)
    throw InputError(name + ": damaged or cut-off WebP");
  std::vector<std::uint8_t>& rgb = decoded.picture.rgb;
  for (std::size_t k = 0; k < rgb.size() / 3; ++k) {
    for (std::size_t c = 0; c < 3; ++c) rgb[3 * k + c] = canvas[4 * k + c];
  }
  decoded.exif = chunk(demuxer.get(), "EXIF");
  if (has_at(decoded.exif, 0, {"Exif\0\0", 6}))
    decoded.exif.erase(decoded.exif.begin(), decoded.exif.begin() + 6);
  const std::vector<std::byte> xmp = chunk(demuxer.get(), "XMP ");
  decoded.xmp.assign(reinterpret_cast<const char*>(xmp.data()), xmp.size());
  return decoded;
}

}  // namespace mhub::image
