//! What a payout's workflow was started with, as far as it can be read.
//!
//! Guarantee: a start by hand with an input that does not parse ends at once, as failed, and says so. Decoded by the SDK it
//! would fail its workflow task for ever and, because one that runs is never started again, hold up the payout whose id it
//! took.

use domain::Ending;
use temporalio_common::{
    WorkflowDefinition,
    data_converters::{
        GenericPayloadConverter, PayloadConversionError, SerializationContext, TemporalDeserializable,
        TemporalSerializable,
    },
    protos::temporal::api::common::v1::Payload,
};

use crate::{contract::PayoutInput, names};

/// The workflow's start, as the worker takes it.
pub struct AnyStart;

impl WorkflowDefinition for AnyStart {
    type Input = Started;
    type Output = Ending;
    fn name(&self) -> &'static str {
        names::PAYOUT_WORKFLOW
    }
}

/// `None`: the input cannot be read.
pub struct Started(pub Option<PayoutInput>);

impl TemporalSerializable for Started {
    fn to_payload(&self, context: &SerializationContext<'_>) -> Result<Payload, PayloadConversionError> {
        context.converter.to_payload(context, &self.0)
    }
}

impl TemporalDeserializable for Started {
    fn from_payloads(
        context: &SerializationContext<'_>,
        payloads: Vec<Payload>,
    ) -> Result<Self, PayloadConversionError> {
        Ok(Self(context.converter.from_payloads::<PayoutInput>(context, payloads).ok()))
    }
}

#[cfg(test)]
mod tests {
    use domain::{Currency, PayoutId, ProviderId};
    use temporalio_common::data_converters::{PayloadConverter, SerializationContextData};

    use super::*;

    #[test]
    fn reads_an_input_and_survives_anything_else() {
        let converter = PayloadConverter::default();
        let context = SerializationContext::new(&SerializationContextData::None, &converter);
        let read = |payloads| converter.from_payloads::<Started>(&context, payloads).unwrap().0;

        let input = PayoutInput {
            payout: PayoutId::mint(),
            provider: ProviderId::mint(),
            amount_minor: 1,
            currency: Currency::Ngn,
            memory: crate::Memory::default(),
        };
        let sent = converter.to_payloads(&context, &input).unwrap();
        let continued = converter.to_payloads(&context, &Started(Some(input.clone()))).unwrap();
        assert_eq!(continued, sent);
        assert_eq!(read(sent), Some(input));

        assert_eq!(read(vec![]), None);
        assert_eq!(read(vec![Payload::default()]), None);
        assert_eq!(read(vec![Payload::default(), Payload::default()]), None);
        assert_eq!(read(converter.to_payloads(&context, &"junk".to_owned()).unwrap()), None);
    }
}
