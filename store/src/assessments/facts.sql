-- What is known of a payout's provider ($1) and account ($2), in a currency ($3), at a moment ($4); and the policies in force.
-- A few hundred rows at most, by key, however long the provider's history is: hours of the last week, days of the last 91.
WITH hours AS (
    SELECT coalesce(sum(requested) FILTER (WHERE hour >= date_trunc('hour', $4::timestamptz - interval '24 hours', 'UTC')), 0)::bigint AS last_day,
           coalesce(sum(requested_sum) FILTER (WHERE currency = $3 AND hour >= date_trunc('hour', $4::timestamptz - interval '24 hours', 'UTC')), 0) AS sum_last_day,
           coalesce(sum(requested), 0)::bigint AS last_week,
           coalesce(sum(requested_sum) FILTER (WHERE currency = $3), 0) AS sum_last_week
    FROM provider_hours
    WHERE provider_id = $1 AND hour >= date_trunc('hour', $4::timestamptz - interval '7 days', 'UTC')
), days AS (
    SELECT coalesce(sum(requested) FILTER (WHERE day < ($4::timestamptz AT TIME ZONE 'UTC')::date - 7), 0)::bigint AS baseline,
           coalesce(sum(requested_sum) FILTER (WHERE currency = $3 AND day < ($4::timestamptz AT TIME ZONE 'UTC')::date - 7), 0) AS sum_in_baseline,
           array_agg(day) FILTER (WHERE failed > 0 AND day >= ($4::timestamptz AT TIME ZONE 'UTC')::date - 90) AS failed_days,
           array_agg(failed) FILTER (WHERE failed > 0 AND day >= ($4::timestamptz AT TIME ZONE 'UTC')::date - 90) AS failed
    FROM provider_days
    WHERE provider_id = $1 AND day >= ($4::timestamptz AT TIME ZONE 'UTC')::date - 91
), totals AS (
    SELECT coalesce(sum(completed), 0)::bigint AS successful,
           round(sum(completed_sum) FILTER (WHERE currency = $3) / nullif(sum(completed) FILTER (WHERE currency = $3), 0), 4) AS average_paid
    FROM provider_totals
    WHERE provider_id = $1
)
SELECT v.verified, v.status AS provider_status, v.created_at AS provider_since, v.display_name,
       b.account_name, CASE WHEN b.is_change THEN b.created_at END AS bank_changed_at,
       (SELECT count(*) FROM (SELECT DISTINCT o.provider_id FROM bank_accounts o
                              WHERE o.bank_code = b.bank_code AND o.account_number = b.account_number AND o.provider_id <> b.provider_id
                              LIMIT 100) others) AS "other_providers!",
       h.last_day AS "last_day!", h.sum_last_day AS "sum_last_day!", h.last_week AS "last_week!", h.sum_last_week AS "sum_last_week!",
       d.baseline AS "baseline!", d.sum_in_baseline AS "sum_in_baseline!", d.failed_days, d.failed, t.successful AS "successful!", t.average_paid,
       a.id AS "active_id?", a.version AS "active_version?", a.rules AS "active_rules?",
       s.id AS "shadow_id?", s.version AS "shadow_version?", s.rules AS "shadow_rules?"
FROM providers v
JOIN bank_accounts b ON b.id = $2
CROSS JOIN hours h
CROSS JOIN days d
CROSS JOIN totals t
LEFT JOIN risk_policies a ON a.currency = $3 AND a.status = 'ACTIVE'
LEFT JOIN risk_policies s ON s.currency = $3 AND s.status = 'SHADOW'
WHERE v.id = $1
