#pragma once
// All metrics. Metrics accumulate counts batch by batch, so batches of unequal size are weighted correctly.

#include "unroll/train/metrics/chance.hpp"
#include "unroll/train/metrics/confusion_matrix.hpp"
#include "unroll/train/metrics/grouped_hits.hpp"
#include "unroll/train/metrics/hits.hpp"
#include "unroll/train/metrics/roc.hpp"
#include "unroll/train/metrics/summary.hpp"
