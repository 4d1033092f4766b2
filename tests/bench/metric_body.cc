// A range answer of Prometheus, body to numbers: rbrun's reader, which is
// pushed 64 KiB chunks, against simdjson's on-demand interface, which has the
// whole body in padded memory. Both end with every time and value as doubles.
//   metric_body [MEGABYTES [ROUNDS]]
extern "C" {
#include "../../lua/reader_metric.h"
}

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <simdjson.h>
#include <string>
#include <vector>

#define CHUNK (64u << 10)

namespace
{

// A value as Go's strconv.FormatFloat(v, 'f', -1, 64) writes it: the fewest
// digits that read back as v, without an exponent.
std::string shortest(double v)
{
    char text[400];
    for (int digits = 1; digits <= 17; digits++) {
        std::snprintf(text, sizeof text, "%.*e", digits - 1, v);
        if (std::strtod(text, nullptr) == v) {
            int exponent = std::atoi(std::strchr(text, 'e') + 1);
            int places = digits - 1 - exponent;
            std::snprintf(text, sizeof text, "%.*f", places > 0 ? places : 0,
                          v);
            break;
        }
    }
    return text;
}

std::string body(size_t size)
{
    std::mt19937_64 random(20261121);
    std::uniform_real_distribution<double> share(0, 1);
    std::string out = "{\"status\":\"success\",\"data\":{\"resultType\":"
                      "\"matrix\",\"result\":[{\"metric\":{\"__name__\":"
                      "\"up\",\"job\":\"shop\"},\"values\":[";
    for (long t = 1763700000; out.size() < size; t++) {
        double v = share(random) * (t % 3 ? 1 : 1000);
        out += "[" + std::to_string(t) + (t % 2 ? ".125" : "") + ",\"" +
               shortest(v) + "\"],";
    }
    out.pop_back();
    return out + "]}]}}";
}

using numbers = std::vector<double>;

double seconds()
{
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

// The points stay the reader's own until it is freed.
struct metric *ours(const std::string &text, const struct point **points,
                    size_t *count)
{
    struct metric *m = nullptr;
    struct error err;
    json_t *options = json_object(), *reply = nullptr;
    int rc = metric_open(options, &m, &err);
    for (size_t at = 0; rc == 0 && at < text.size(); at += CHUNK)
        rc = metric_push(m, text.data() + at,
                         std::min<size_t>(CHUNK, text.size() - at), &err);
    if (rc == 0)
        rc = metric_finish(m, &reply, points, count, &err);
    if (rc != 0) {
        std::fprintf(stderr, "%s\n", err.message);
        std::exit(1);
    }
    json_decref(reply);
    json_decref(options);
    return m;
}

size_t theirs(simdjson::ondemand::parser &parser,
              const simdjson::padded_string &text, numbers &out)
{
    out.clear();
    auto document = parser.iterate(text);
    for (auto series : document["data"]["result"]) {
        for (auto sample : series["values"]) {
            auto pair = sample.get_array();
            auto part = pair.begin();
            out.push_back(double((*part).get_double()));
            ++part;
            out.push_back(double((*part).get_double_in_string()));
        }
    }
    return out.size() / 2;
}

double best(double a, double b)
{
    return a == 0 || b < a ? b : a;
}

} // namespace

int main(int argc, char **argv)
{
    size_t megabytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20;
    int rounds = argc > 2 ? std::atoi(argv[2]) : 15;
    std::string text = body(megabytes << 20);
    simdjson::padded_string padded(text);
    simdjson::ondemand::parser parser;
    numbers wanted;
    const struct point *points = nullptr;
    size_t count = 0;
    double our_time = 0, their_time = 0;
    for (int i = 0; i < rounds; i++) { // in turns: both meet the same machine
        double start = seconds();
        struct metric *m = ours(text, &points, &count);
        double middle = seconds();
        size_t n = theirs(parser, padded, wanted);
        double end = seconds();
        our_time = best(our_time, middle - start);
        their_time = best(their_time, end - middle);
        if (n != count ||
            std::memcmp(points, wanted.data(), n * sizeof *points) != 0) {
            std::fprintf(stderr, "the two readers do not agree\n");
            return 1;
        }
        metric_free(m);
    }
    double size = double(text.size()) / 1e6;
    std::printf("metric body, %.1f MB, %zu samples, best of %d\n", size, count,
                rounds);
    std::printf("  rbrun's reader      %8.0f MB/s\n", size / our_time);
    std::printf("  simdjson on-demand  %8.0f MB/s\n", size / their_time);
    std::printf("  ratio               %8.2f\n", their_time / our_time);
    return 0;
}
