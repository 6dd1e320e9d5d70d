#pragma once
// All measures of a model's output. Each is added to batch by batch and holds counts, so that batches of unequal size
// join rightly.

#include "unroll/train/metrics/chance.hpp"
#include "unroll/train/metrics/confusion_matrix.hpp"
#include "unroll/train/metrics/grouped_hits.hpp"
#include "unroll/train/metrics/hits.hpp"
#include "unroll/train/metrics/roc.hpp"
#include "unroll/train/metrics/summary.hpp"
