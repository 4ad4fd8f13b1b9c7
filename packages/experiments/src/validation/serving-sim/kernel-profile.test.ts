import { findLink, findModel } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import { parseCsv } from '../data/csv-rows.js'
import { kernelProfile } from './kernel-profile.js'
import { kernelProfileLatency } from './kernel-profile-latency.js'

/** A made-up machine: attention takes 1 µs per decode and 16 tokens, 2 µs per 16 prompt tokens. */
const attention = ['prefill_chunk,kv_prefill,n_decode,kv_decode,time_us']
for (const chunk of [0, 16, 32])
  for (const before of chunk === 0 ? [0] : [0, 16, 32])
    for (const decodes of [0, 1, 2, 4])
      for (const context of decodes === 0 ? [0] : [16, 32, 64]) {
        const us = (2 * (chunk + before)) / 16 + (decodes * context) / 16
        if (chunk + decodes > 0) attention.push(`${chunk},${before},${decodes},${context},${us}`)
      }

const profile = kernelProfile({
  dense: parseCsv(
    ['layer,tokens,time_us', 'qkv_proj,1,10', 'qkv_proj,33,42', 'layernorm,1,1', 'layernorm,33,1']
      .concat(['embedding,1,5', 'embedding,33,5'])
      .join('\n'),
  ),
  perSequence: parseCsv('layer,sequences,time_us\nlm_head,1,100\nlm_head,4,103'),
  attention: parseCsv(attention.join('\n')),
  moe: [],
})
const model = findModel('Llama-3.1-8B')
const latency = kernelProfileLatency({
  profile,
  model,
  tp: 1,
  dataParallel: 1,
  link: findLink('NVLink'),
  hostMsPerRequest: 0,
})

const NOTHING = { prefillTokens: 0, prefillRequests: 0, prefillAttentionPairs: 0 }

describe('kernelProfileLatency', () => {
  test('by hand: decodes', () => {
    const step = { ...NOTHING, decodeRequests: 2, decodeContextTokens: 2 * 48 }
    // Per layer: 11 µs of products, two norms, 2 · 48 / 16 of attention; once: embedding, output.
    const us = model.layers * (11 + 2 + 6) + 5 + 101
    expect(latency.stepMs(step)).toBeCloseTo(us / 1000, 9)
  })

  test('by hand: a chunk after some context', () => {
    const step = {
      prefillTokens: 16,
      prefillRequests: 1,
      prefillAttentionPairs: 16 * 16 + (16 * 17) / 2,
      decodeRequests: 1,
      decodeContextTokens: 32,
    }
    const us = model.layers * (10 + 16 + 2 + (2 * 32) / 16 + 2) + 5 + 101
    expect(latency.stepMs(step)).toBeCloseTo(us / 1000, 9)
  })

  test('segments are what steps one by one take', () => {
    const step = { ...NOTHING, decodeRequests: 3, decodeContextTokens: 3 * 20 }
    const segment = { baseMs: 0, slopeMs: 0, steps: 0 }
    latency.segment(step, segment)
    expect(segment.steps).toBeGreaterThan(5)
    for (let i = 0; i < Math.min(segment.steps, 200); i++) {
      const later = { ...step, decodeContextTokens: step.decodeContextTokens + 3 * i }
      expect(segment.baseMs + i * segment.slopeMs).toBeCloseTo(latency.stepMs(later), 9)
    }
  })
})
