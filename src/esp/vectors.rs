//! The AES-GCM test cases of draft-mcgrew-gcm-test-01, section 4, opened and sealed.

use super::{Algorithms, OpenError, Sa, Secret, Spi};

/// One test case: key and salt, AAD, IV, plaintext with its trailer, ciphertext, ICV.
struct Case {
    key: &'static str,
    salt: &'static str,
    /// SPI and sequence number, 16 digits; with an extended sequence number 24.
    aad: &'static str,
    iv: &'static str,
    plain: &'static str,
    cipher: &'static str,
    icv: &'static str,
}

const CASES: [Case; 14] = [
    Case {
        key: "4c80cdefbb5d10da906ac73c3613a634",
        salt: "2e443b68",
        aad: "000043218765432100000000",
        iv: "4956ed7e3b244cfe",
        plain: "45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000045f736970045f756470037369700963796265726369747902646b000021000101020201",
        cipher: "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732",
        icv: "459018148f6cbe722fd04796562dfdb4",
    },
    Case {
        key: "feffe9928665731c6d6a8f9467308308",
        salt: "cafebabe",
        aad: "0000a5f80000000a",
        iv: "facedbaddecaf888",
        plain: "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d001000001000000000000037369700963796265726369747902646b00000100010001",
        cipher: "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1",
        icv: "83b70d3aa8bc6ee4c309e9d85a41ad4a",
    },
    Case {
        key: "abbccddef00112233445566778899aababbccddef00112233445566778899aab",
        salt: "11223344",
        aad: "4a2cbfe300000002",
        iv: "0102030405060708",
        plain: "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf0000020405b40101040201020201",
        cipher: "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99def842d8e",
        icv: "b335f4eecfdbf831824b4c4915956c96",
    },
    Case {
        key: "00000000000000000000000000000000",
        salt: "00000000",
        aad: "0000000000000001",
        iv: "0000000000000000",
        plain: "4500003c99c500008001cb7a40679318010101010800075c020044006162636465666768696a6b6c6d6e6f707172737475767761626364656667686901020201",
        cipher: "4688daf2f973a392732909c331d56d60f694abaa414b5e7ff5fdcdfff5e9a284456476492719ffb64de7d9dca1e1d894bc3bd57873ed4d181d19d4d5c8c18af3",
        icv: "f821d496eeb096e98ad2b69e4799c71d",
    },
    Case {
        key: "3de09874b388e6491988d0c3607eae1f",
        salt: "57690e43",
        aad: "42f67e3f1010101010101010",
        iv: "4e280000a2fca1a3",
        plain: "4500003c99c300008001cb7c40679318010101010800085c020043006162636465666768696a6b6c6d6e6f707172737475767761626364656667686901020201",
        cipher: "fba2caa4853cf9f0f22cb10d86dd83b0fec75691cf1a04b00d1138ec9c35791765acbd8701ad79845bf9fe3fba487bc91755e6662b4c8d0d1f5e22739530320a",
        icv: "e0d731cc978ecafaeae88f00e80d6e48",
    },
    Case {
        key: "3de09874b388e6491988d0c3607eae1f",
        salt: "57690e43",
        aad: "42f67e3f1010101010101010",
        iv: "4e280000a2fca1a3",
        plain: "4500001c42a200008001441f406793b6e00000020a00f5ff01020201",
        cipher: "fba2ca845e5df9f0f22c3e6e86dd831e1fc65792cd1af9130e1379ed",
        icv: "369f071f35e034be95f112e4e7d05d35",
    },
    Case {
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c",
        salt: "cafebabe",
        aad: "0000a5f80000000a",
        iv: "facedbaddecaf888",
        plain: "45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e501016d075680001",
        cipher: "a5b1f8066029aea40e598b8122de02420938b3ab33f828e687b8858b5bfbdbd0315b27452144cc77",
        icv: "95457b9652037f5318027b5b4cd7a636",
    },
    Case {
        key: "abbccddef00112233445566778899aab",
        salt: "decaf888",
        aad: "000001000000000000000001",
        iv: "cafedebaceface74",
        plain: "4500004933ba00007f119106c3fb1d10c2b1d326c02831ce0035dd7b800302d500004e20001e8c18d75b81dc91baa0476b91b924b280389d92c963bac046ec959b6266c04722b14923010101",
        cipher: "18a6fd42f72cbf4ab2a2ea901f73d814e3e7f243d95412e1c349c1d2fbec168f9190feebaf2cb01984e65863965d7472b79da345e0e780191f0d2f0e0f496c226f2127b27db35724e7845d68",
        icv: "651f57e65f354f75ff17015769623436",
    },
    Case {
        key: "abbccddef00112233445566778899aababbccddef00112233445566778899aab",
        salt: "73616c74",
        aad: "17405e67156f3126dd0db99b",
        iv: "616e640169766563",
        plain: "45080028732c00004006e9f90a0106120a01038f06b88023dd6bafbecb71260250101f646d540001",
        cipher: "f2d69ecdbd5a0d5b8d5ef38bad4da58d1f278fde98ef67549d524a3018d9a57ff4d3a31ce673119e",
        icv: "451626c2415771e3b7eebca614c89b35",
    },
    Case {
        key: "3de09874b388e6491988d0c3607eae1f",
        salt: "57690e43",
        aad: "42f67e3f1010101010101010",
        iv: "4e280000a2fca1a3",
        plain: "45000049333e00007f119182c3fb1d10c2b1d326c02831ce0035cb458003025b000001e0001e8c18d65759d52284a0352c71475c8880391c764d6e5ee0496b325ae270c03899493915010101",
        cipher: "fba2cad12fc1f9f00d3cebf305410db83d7784b607323d220f24b0a97d54182800cadb0f68d99ef0e0c0c89ae9bea8884e52d65bc1afd0740f742444747b5b39ab533163aad4550ee5160975",
        icv: "cdb608c5769189609763b8e18caa81e2",
    },
    Case {
        key: "abbccddef00112233445566778899aababbccddef00112233445566778899aab",
        salt: "73616c74",
        aad: "17405e67156f3126dd0db99b",
        iv: "616e640169766563",
        plain: "636973636f0172756c657301746865016e6574776501646566696e6501746865746563686e6f6c6f67696573017468617477696c6c01646566696e65746f6d6f72726f7701020201",
        cipher: "d4b7ed86a1777f2ea13d6973d324c69e7b43f826fb56831226508bebd2dceb18d0a6df10e5487df074113e14c641024e3e6773d91a62ee429b043a10e3efe6b012a49363412364f8",
        icv: "c0cac587f249e56b11e24f30e44ccc76",
    },
    Case {
        key: "7d773d00c144c525ac619d18c84a3f47",
        salt: "d9664267",
        aad: "335467aeffffffff",
        iv: "43457e9182443bc6",
        plain: "01020201",
        cipher: "437f866b",
        icv: "cb3f699fe9b0822bac961c4504bef270",
    },
    Case {
        key: "abbccddef00112233445566778899aab",
        salt: "decaf888",
        aad: "000001000000000000000001",
        iv: "cafedebaceface74",
        plain: "746f016265016f72016e6f7401746f0162650001",
        cipher: "29c9fc69a197d038ccdd14e2ddfcaa0543332164",
        icv: "412503524303ed3c6c5f283843af8c3e",
    },
    Case {
        key: "6c6567616c697a656d6172696a75616e61616e64646f69746265666f72656961",
        salt: "7475726e",
        aad: "796b6963ffffffffffffffff",
        iv: "333021696765746d",
        plain: "45000030da3a00008001df3bc0a80005c0a800010800c6cd020007006162636465666768696a6b6c6d6e6f707172737401020201",
        cipher: "f97ab2aa356d8edce17644ac8c78e25dd24dedbb29ebf1b64a274b39b49c3a864cd3d78ca4ae68a32b42458fb57dbe821dcc63b9",
        icv: "d0937ba2945f669368661a329fb4c053",
    },
];

fn octets(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "{digits}");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

impl Case {
    fn number(&self, digits: std::ops::Range<usize>) -> u32 {
        u32::from_str_radix(&self.aad[digits], 16).unwrap()
    }

    fn sa(&self, icv_bits: u32) -> Sa {
        let key = Secret::new(octets(&[self.key, self.salt].concat()));
        let algorithms = Algorithms::Aead { name: "rfc4106(gcm(aes))".into(), key, icv_bits };
        Sa::new(Spi(self.number(0..8)), self.aad.len() == 24, &algorithms).unwrap()
    }

    /// The high half of the sequence number: in the AAD, but not on the wire.
    fn seq_high(&self) -> u32 {
        if self.aad.len() == 24 { self.number(8..16) } else { 0 }
    }

    fn packet(&self, icv_len: usize) -> Vec<u8> {
        let low = &self.aad[self.aad.len() - 8..];
        octets(&[&self.aad[..8], low, self.iv, self.cipher, &self.icv[..2 * icv_len]].concat())
    }
}

#[test]
fn every_vector_opens_to_its_plaintext_at_every_icv_length() {
    for (at, case) in CASES.iter().enumerate() {
        for icv_len in [8, 12, 16] {
            let mut packet = case.packet(icv_len);
            let opened = case.sa(8 * icv_len as u32).open(&mut packet, case.seq_high()).unwrap();
            let plain = octets(case.plain);
            assert_eq!(packet[16..16 + plain.len()], plain, "case {at}");
            assert_eq!((opened.next_header, opened.odd_padding), (1, None), "case {at}");
            assert_eq!(opened.payload.len() + opened.padding.len() + 2, plain.len(), "case {at}");
        }
    }
}

#[test]
fn every_vector_seals_to_its_packet() {
    for (at, case) in CASES.iter().enumerate() {
        let plain = octets(case.plain);
        let [.., pad_len, next_header] = plain[..] else { panic!("case {at} has no trailer") };
        let payload = &plain[..plain.len() - 2 - usize::from(pad_len)];
        let low = u64::from(u32::from_str_radix(&case.aad[case.aad.len() - 8..], 16).unwrap());
        let seq = u64::from(case.seq_high()) << 32 | low;
        for icv_len in [8, 12, 16] {
            let mut packet = Vec::new();
            case.sa(8 * icv_len as u32).seal(seq, &octets(case.iv), next_header, payload, &mut packet).unwrap();
            assert_eq!(packet, case.packet(icv_len), "case {at}");
        }
    }
}

#[test]
fn a_vector_with_another_salt_or_key_fails_the_icv() {
    for case in &CASES {
        for at in 0..case.key.len() / 2 + 4 {
            let mut key = octets(&[case.key, case.salt].concat());
            key[at] ^= 0x80;
            let algorithms =
                Algorithms::Aead { name: "rfc4106(gcm(aes))".into(), key: Secret::new(key), icv_bits: 128 };
            let sa = Sa::new(Spi(0), case.aad.len() == 24, &algorithms).unwrap();
            let mut packet = case.packet(16);
            assert!(matches!(sa.open(&mut packet, case.seq_high()), Err(OpenError::BadIcv { .. })));
        }
    }
}
