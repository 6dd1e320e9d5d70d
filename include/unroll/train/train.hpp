#pragma once
// All of training: data sets, fit, evaluation, metrics.

#include "unroll/data/standardizer.hpp"
#include "unroll/train/evaluate.hpp"
#include "unroll/train/fit.hpp"
#include "unroll/train/metrics.hpp"
