;; Escapes UTF-8 for a JSON string, sixteen bytes at a time. What stands in json-text.ts is assembled from this;
;; test/unit/server/json-text.test.ts compares, and says what to put there after a change.
(module
  ;; 131,072 bytes of input, what a read may reach beyond them, and six times as many bytes of output.
  (memory (export "memory") 15)

  ;; From `at` to `end`, into what begins at `out`. Returns the end of the output. Writes up to 15 bytes beyond it.
  (func (export "escape") (param $at i32) (param $end i32) (param $out i32) (result i32)
    (local $bytes v128)
    (local $clean i32)
    (local $byte i32)
    (loop $next
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $out))))

      ;; Sixteen bytes go over as they are, whatever they are; what is wrong with them is overwritten.
      (local.set $bytes (v128.load (local.get $at)))
      (v128.store (local.get $out) (local.get $bytes))

      ;; How many of them may stay: up to the first control character, quotation mark or backslash.
      (local.set $clean
        (i32.ctz
          (i32.or
            (i32.const 0x10000)
            (i8x16.bitmask
              (v128.or
                (i8x16.lt_u (local.get $bytes) (i8x16.splat (i32.const 0x20)))
                (v128.or
                  (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x22)))
                  (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x5c)))))))))
      (if (i32.ge_u (i32.add (local.get $at) (local.get $clean)) (local.get $end))
        (then (return (i32.add (local.get $out) (i32.sub (local.get $end) (local.get $at))))))
      (local.set $at (i32.add (local.get $at) (local.get $clean)))
      (local.set $out (i32.add (local.get $out) (local.get $clean)))
      (br_if $next (i32.eq (local.get $clean) (i32.const 16)))

      (local.set $byte (i32.load8_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))

      ;; A backslash and a letter or the character itself, for those that have such a form.
      (i32.store8 (local.get $out) (i32.const 0x5c))
      (block $long
        (block $short
          (block $itself
            (br_if $itself (i32.ge_u (local.get $byte) (i32.const 0x20)))
            (br_if $long (i32.lt_u (local.get $byte) (i32.const 8)))
            (br_if $long (i32.gt_u (local.get $byte) (i32.const 13)))
            (br_if $long (i32.eq (local.get $byte) (i32.const 11)))
            ;; b, t, n, nothing, f and r, for 8 to 13.
            (i32.store8 offset=1
              (local.get $out)
              (i32.wrap_i64
                (i64.shr_u
                  (i64.const 0x7266006e7462)
                  (i64.extend_i32_u (i32.shl (i32.sub (local.get $byte) (i32.const 8)) (i32.const 3))))))
            (br $short))
          (i32.store8 offset=1 (local.get $out) (local.get $byte)))
        (local.set $out (i32.add (local.get $out) (i32.const 2)))
        (br $next))

      ;; "\u00", a digit that is 0 or 1, and one from 0 to f.
      (i32.store (local.get $out) (i32.const 0x3030755c))
      (i32.store8 offset=4
        (local.get $out)
        (i32.add (i32.const 0x30) (i32.shr_u (local.get $byte) (i32.const 4))))
      (local.set $byte (i32.and (local.get $byte) (i32.const 15)))
      (i32.store8 offset=5
        (local.get $out)
        (i32.add
          (local.get $byte)
          (select (i32.const 0x57) (i32.const 0x30) (i32.gt_u (local.get $byte) (i32.const 9)))))
      (local.set $out (i32.add (local.get $out) (i32.const 6)))
      (br $next))
    (unreachable)))
